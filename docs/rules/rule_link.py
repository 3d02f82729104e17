"""What is stored of a link between two syncs.

A key is (side, person, aspect). An aspect is presence `P` or owner `R`.
"""

from typing import NamedTuple


def other(side):
    return "G" if side == "T" else "T"


def index_of(aspect):
    return "PR".index(aspect)


def aspects(role):
    """Presence and owner of a role."""
    return int(role > 0), int(role == 2)


class Write(NamedTuple):
    """A step of the plan: the role that a person gets, and the aspect that differs."""

    side: str
    person: int
    role: int
    aspect: str


class Intent(NamedTuple):
    """A write that was about to be made, and the readings that it follows from."""

    side: str
    person: int
    aspect: str
    value: int
    team: int
    group: int
    at: float

    @property
    def key(self):
        return self.side, self.person, self.aspect


class Unconfirmed(NamedTuple):
    """A write that no reading has shown."""

    value: int
    at: float
    tries: int


class Deferred(NamedTuple):
    """A difference that is due: from which side, after how many tries, deferred by whom."""

    source: str
    tries: int
    by: str


class Unknown(NamedTuple):
    """A write without an answer."""

    tries: int
    again_at: float
    side: str
    role: int

    def pauses(self, write, now):
        return (write.side, write.role) == (self.side, self.role) and now < self.again_at


class Link:
    """The stored items of one link."""

    def __init__(self, initial):
        self.baseline = {
            (side, p, aspect): aspects(initial[p])[index_of(aspect)]
            for side in "TG"
            for p in range(len(initial))
            for aspect in "PR"
        }
        # By (person, aspect): value and time of the lag overlay, what the group last showed
        self.overlay, self.last_read = {}, {}
        self.deferred, self.unknown = {}, {}
        # By key: writes to confirm, and since when a row is missing
        self.unconfirmed, self.missing = {}, {}
        self.intents = []
        # Removals: those that wait by person, the counted ones, and what the admin decided
        self.pending, self.counted, self.approved, self.rejected = {}, [], set(), set()
        self.lease, self.holder = -1, None
        self.synced_at, self.requested_at = -1, -1
        self.check, self.due = None, None
        self.is_ended, self.gone_since = False, {}

    def defer(self, p, aspect, source, tries, by, with_role):
        self.deferred[p, aspect] = Deferred(source, tries, by)
        if aspect == "P" and with_role:
            self.deferred[p, "R"] = Deferred(source, tries, by)

    def replace_person(self, p):
        """Another account is another person, without a baseline."""
        for side in "TG":
            self.baseline[side, p, "P"] = self.baseline[side, p, "R"] = 0
        self.intents = [it for it in self.intents if it.person != p]
        for store in (self.unconfirmed, self.missing):
            for key in [key for key in store if key[1] == p]:
                del store[key]
        for store in (self.deferred, self.overlay):
            for key in [key for key in store if key[0] == p]:
                del store[key]
