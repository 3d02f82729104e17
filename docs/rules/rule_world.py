"""Both services as they are, and as they answer: replicas that lag, and lies.

The lies of a history:

lost    a write is acknowledged and never takes effect: now and then, or for ever for one person
short   a listing looks whole and lacks rows, once or for minutes, on either side
single  as short, and for two minutes the single questions agree with the first such listing
contra  a write answers "already a member" or "not there", and the listing shows the contrary
gone    404 for the team or group object for up to an hour while its listings answer, or for all of
        them for up to 50 minutes, or it is really deleted
refuse  writes have no answer for hours, some of them with effect
"""

import random
from dataclasses import dataclass

from rule_options import LAG


@dataclass
class ShortListing:
    """A listing that lacks rows. `m` and `o` are the group's members and owners, `*` is both."""

    listing: str
    start: float
    end: float
    people: set
    single_until: float
    is_once: bool

    def lacks(self, now, listing, person, single):
        if self.listing != listing and not (self.listing == "*" and listing in "mo"):
            return False
        if person not in self.people:
            return False
        if single:
            return self.start <= now < self.single_until
        lasts = self.start <= now <= self.end
        return lasts or self.is_once and self.start <= now < self.start + 120


class Lies:
    """The lies of one history. Their random numbers leave those of the acts alone."""

    def __init__(self, seed, kinds, people, last_act, push):
        self.random = w = random.Random(seed * 7919 + 1)
        self.kinds, self.people, self.push = set(kinds), people, push
        self.lost_rate = w.choice([0.2, 0.5, 0.9]) if "lost" in self.kinds else 0
        self.contra_rate = w.choice([0.2, 0.6]) if "contra" in self.kinds else 0
        self.never = None
        if self.kinds & {"lost", "contra"} and w.random() < 0.25:
            self.never = (w.choice("TG"), w.randrange(people))
        # People and lies are done then. Only what is for ever goes on.
        self.calm = last_act + 4 * 3600
        self.shorts, self.outages, self.gone, self.deleted = [], [], [], None
        if self.kinds & {"short", "single"}:
            self.draw_shorts(last_act)
        if "refuse" in self.kinds:
            self.draw_outages(last_act)
        if "gone" in self.kinds:
            self.draw_gone(last_act)

    def draw_shorts(self, last_act):
        w = self.random
        for _ in range(w.randint(1, 5)):
            start = w.uniform(0, last_act + 3600)
            lasts = w.choice([0, 0, 60, 300, 900, 1500])
            if w.random() < 0.3:
                people = set(range(self.people))
            else:
                people = {p for p in range(self.people) if w.random() < 0.5}
            single = start + 110 if "single" in self.kinds and not self.shorts else -1
            which = w.choice("TTmo*")
            short = ShortListing(which, start, start + lasts, people, single, lasts == 0)
            self.shorts.append(short)
            if w.random() < 0.7:  # an event of something else in the middle of it
                self.push(start + w.uniform(0, max(lasts, 5)), "message", "event")

    def draw_outages(self, last_act):
        w = self.random
        for _ in range(w.randint(1, 2)):
            start = w.uniform(0, last_act + 600)
            side = w.choice("TG")
            end = start + w.choice([300, 3600, 4 * 3600, 9 * 3600])
            self.outages.append((side, start, end))
            self.calm = max(self.calm, end + 4 * 3600)

    def draw_gone(self, last_act):
        w = self.random
        for _ in range(w.randint(1, 2)):
            start = w.uniform(0, last_act + 3600)
            both = w.random() < 0.3
            side = w.choice("TG")
            end = start + w.choice([300, 1500, 2400 if both else 3600])
            self.gone.append((side, start, end, both))
            for k in range(3):
                self.push(start + k * 1300 + 1, "message", "event")
        if w.random() < 0.15:
            self.deleted = (w.choice("TG"), w.uniform(0, last_act))
            self.push(self.deleted[1] + 5, "message", "event")

    def is_deleted(self, now):
        return self.deleted is not None and now >= self.deleted[1]

    def is_gone(self, now, side, listing):
        if self.is_deleted(now) and self.deleted[0] == side:
            return True
        return any(
            which == side and start <= now < end and (both or not listing)
            for which, start, end, both in self.gone
        )

    def lacks(self, now, listing, person, single=False):
        return any(short.lacks(now, listing, person, single) for short in self.shorts)

    def end_single_shorts(self, now):
        """Ends what was to be short in one listing only, after that listing."""
        for short in self.shorts:
            if short.is_once and short.start <= now:
                short.is_once, short.end = False, short.start - 1

    def draw_answer(self, now, side, person):
        """How a write is answered, and if it is made."""
        draw, is_never = self.random.random(), self.never == (side, person)
        can_lie = is_never or now < self.calm - 3600
        if any(which == side and start <= now < end for which, start, end in self.outages):
            return "unknown", self.random.random() < 0.2
        if can_lie and self.lost_rate and (draw < self.lost_rate or is_never):
            return "lost", False
        if can_lie and self.contra_rate and (draw < self.contra_rate or is_never):
            return "contra", False
        return "done", True


class World:
    """The team `T` and the group `G`. A role is 0 (none), 1 (member) or 2 (owner)."""

    def __init__(self, seed, config):
        self.now, self.random = 0.0, random.Random(seed)
        self.people, self.owner_limit = config["people"], config["owners"]
        others = [0, 1, 1, 2 if self.owner_limit > 2 else 1]
        self.initial = [2] + [self.random.choice(others) for _ in range(self.people - 1)]
        self.team, self.lies = self.initial[:], None
        # Members and owners of the group: (time, value, lag of each replica)
        self.values = {
            (kind, p): [(-1e9, self.initial[p] > (kind == "o"), (0, 0, 0))]
            for kind in "mo"
            for p in range(self.people)
        }

    def value(self, kind, p):
        return self.values[kind, p][-1][1]

    def set_value(self, kind, p, value):
        if self.value(kind, p) != value:
            lags = tuple(self.random.uniform(0, LAG) for _ in range(3))
            self.values[kind, p].append((self.now, value, lags))

    def replica(self, kind, p, index):
        shown = False
        for at, value, lags in self.values[kind, p]:
            if at + lags[index] <= self.now:
                shown = value
        return shown

    def role(self, side, p):
        if side == "T":
            return self.team[p]
        return 2 if self.value("o", p) else 1 if self.value("m", p) else 0

    def owners(self):
        return [p for p in range(self.people) if self.value("o", p)]

    def is_last_owner(self, side, p):
        if side == "T":
            return self.team[p] == 2 and self.team.count(2) == 1
        return self.role("G", p) == 2 and self.owners() == [p]

    def change(self, side, p, role):
        """Makes a change, or returns why the service refuses it."""
        if role < 2 and self.is_last_owner(side, p):
            return "last owner"
        if side == "T":
            self.team[p] = role
            return None
        if role == 2 and not self.value("o", p) and len(self.owners()) >= self.owner_limit:
            return "quota"
        self.set_value("o", p, role == 2)
        self.set_value("m", p, role > 0)
        return None

    def read(self):
        """Both listings: presence and owner per person. Owners can come from another replica."""
        members, owners = self.random.randrange(3), self.random.randrange(3)
        rows = {"T": [], "G": []}
        for p in range(self.people):
            role = 0 if self.lies.lacks(self.now, "T", p) else self.team[p]
            rows["T"].append([int(role > 0), int(role == 2)])
            m = self.replica("m", p, members) and not self.lies.lacks(self.now, "m", p)
            o = self.replica("o", p, owners) and not self.lies.lacks(self.now, "o", p)
            rows["G"].append([int(m or o), int(o)])
        self.lies.end_single_shorts(self.now)
        return rows

    def ask(self, side, p):
        """The single question. For the group, its answer comes from a replica, too."""
        if side == "T":
            role = 0 if self.lies.lacks(self.now, "T", p, True) else self.team[p]
            return [int(role > 0), int(role == 2)]
        members, owners = self.random.randrange(3), self.random.randrange(3)
        m = self.replica("m", p, members) and not self.lies.lacks(self.now, "m", p, True)
        o = self.replica("o", p, owners) and not self.lies.lacks(self.now, "o", p, True)
        return [int(m or o), int(o)]
