"""A random history: human acts, events, lies and syncs, in order of time."""

import heapq
from collections import Counter

from rule_link import Link, other
from rule_options import DAY, LAG_WINDOW, TEAM_WINDOW, TRUSTING, WORLD
from rule_oracle import DECIDED, Act, check_end
from rule_world import Lies, World
from rule_write import SyncRun


class History:
    """One history: the world, what is stored, what is still to come, and what was found."""

    def __init__(self, seed, options, trace=None):
        self.config, self.trace = {**WORLD, **TRUSTING, **options}, trace
        self.world = World(seed, self.config)
        self.random, self.link = self.world.random, Link(self.world.initial)
        people = self.world.people
        self.is_eligible, self.eligible_since = [True] * people, [-1e9] * people
        self.cost, self.bad = Counter(), Counter()
        self.acts, self.ours, self.tries, self.ends = [], [], [], []
        self.removed_by_people, self.deleted_users = set(), {}
        self.queue, self.pushed = [], 0
        self.last_act = self.draw_acts()
        lies = Lies(seed, self.config["lies"], people, self.last_act, self.push)
        self.world.lies, self.end = lies, lies.calm
        self.push_syncs()

    def say(self, *words):
        if self.trace is not None:
            self.trace.append(f"{self.world.now:8.0f} " + " ".join(map(str, words)))

    def push(self, at, kind, what=None):
        self.pushed += 1
        heapq.heappush(self.queue, (at, self.pushed, kind, what))

    def draw_acts(self):
        """Draws what people do. Returns the time of the last act."""
        r, gap, at = self.random, self.config["gap"], 0.0
        for _ in range(r.randint(*self.config["acts"])):
            at += r.uniform(5, 1500) if gap is None else gap + r.uniform(0, 600)
            act = r.choice("TG"), r.randrange(self.world.people), r.choice([0, 0, 1, 1, 2])
            self.push(at, "human", act)
        last = at
        for flag in ("cleared", "restored", "rehired"):
            if self.config[flag]:
                start = r.uniform(0, at + 600)
                p = r.randrange(self.world.people)
                end = start + r.choice([300, 1200, 5000])
                self.push(start, flag, (p, False))
                self.push(end, flag, (p, True))
                last = max(last, end)
        if self.config["removal_limit"]:
            for _ in range(r.randint(0, 2)):
                decided_at = r.uniform(600, at + 6000)
                self.push(decided_at, "decide", r.choice(["approve", "reject"]))
        return last

    def push_syncs(self):
        """Requests the syncs after the last act: some at once, then daily ones."""
        self.push(self.last_act + 7200, "check")
        for k in range(4):
            self.push(self.end + k * 1200, "message", "final")
        for k in range(1, 4):
            self.push(self.end + k * DAY, "message", "daily")
            self.push(self.end + k * DAY + 2400, "message", "final")

    def check_at(self, at):
        """Requests a sync at a time. An earlier request that is still to come holds."""
        at, now = max(at, self.world.now + 1), self.world.now
        if self.link.check is None or at < self.link.check or self.link.check <= now:
            self.link.check = at
            self.push(at, "message", ("check", at))

    def window(self, side):
        return LAG_WINDOW if side == "G" or self.config["window"] == "same" else TEAM_WINDOW

    def run(self):
        handlers = {
            "human": self.act,
            "cleared": self.change_eligibility,
            "restored": self.restore_user,
            "rehired": self.rehire_user,
            "decide": self.decide,
            "check": lambda _: self.check_applied(),
            "message": lambda cause: self.deliver("message", cause, self.world.now),
            "redeliver": lambda what: self.deliver("redeliver", *what),
            "step": self.step,
        }
        while self.queue:
            self.world.now, _, kind, what = heapq.heappop(self.queue)
            if self.world.now > self.end + 4 * DAY:
                break
            handlers[kind](what)
        check_end(self)

    def act(self, what):
        (side, p, role), now, r, link = what, self.world.now, self.random, self.link
        before = self.world.role(side, p)
        if before == role or self.world.lies.is_deleted(now):
            return
        if self.world.change(side, p, role):
            return
        if role == 0:
            self.removed_by_people.add(p)
        open_writes = [key[1] for key in link.unconfirmed] + [it.person for it in link.intents]
        inside_write = p in open_writes or any(key[0] == p for key in link.unknown)
        self.acts.append(Act(now, side, p, role, before, inside_write))
        self.say(f"HUMAN {side}{p}: {before}->{role}")
        after = r.uniform(0.5, 5) if side == "T" else r.uniform(1, 20)
        self.push(now + after, "message", "event")
        if side == "G":
            self.push(now + r.uniform(0, 600), "message", "event")

    def change_eligibility(self, what):
        """A person becomes excluded, or eligible again."""
        (p, is_back), now = what, self.world.now
        self.is_eligible[p] = is_back
        self.say("eligible" if is_back else "excluded", p)
        if is_back:
            self.eligible_since[p] = now
            self.push(now + self.random.uniform(1, 300), "message", "event")
            self.push(now + LAG_WINDOW + 5, "message", "event")

    def restore_user(self, what):
        """The user of the directory is deleted, or restored with their memberships."""
        (p, is_back), world = what, self.world
        if is_back:
            values = self.deleted_users.get(p, (world.value("m", p), world.value("o", p)))
        else:
            self.deleted_users[p] = world.value("m", p), world.value("o", p)
            values = False, False
        world.set_value("m", p, values[0])
        world.set_value("o", p, values[1])
        self.change_eligibility(what)

    def rehire_user(self, what):
        """The Webex account is deleted, or another one comes for the same user."""
        p, is_back = what
        if is_back:
            self.link.replace_person(p)
        else:
            self.world.team[p] = 0
        self.change_eligibility(what)

    def decide(self, decision):
        """An admin decides about the removals that wait."""
        link, now = self.link, self.world.now
        if not link.pending:
            return
        self.say("ADMIN", decision, link.pending)
        for p, side in link.pending.items():
            if decision == "approve":
                link.approved.add((p, side))
                self.acts.append(Act(now, side, p, 0, DECIDED, False))
            else:
                link.rejected.add((p, side))
                self.acts.append(Act(now, other(side), p, 1, DECIDED, False))
        self.push(now + 1, "message", "event")

    def check_applied(self):
        """Two hours after the last act, truthful services have seen it applied."""
        is_reported = self.link.pending or self.link.deferred
        if self.config["lies"] or is_reported:
            return
        people = [p for p in range(self.world.people) if self.is_eligible[p]]
        if any(self.world.team[p] != self.world.role("G", p) for p in people):
            self.bad["not applied 2 h after the last act"] += 1

    def deliver(self, kind, cause, at):
        """Starts a sync for a request, or merges the request with the sync that runs."""
        link, now = self.link, self.world.now
        if isinstance(cause, tuple):
            cause, expected = cause
            if expected != (link.due if cause == "due" else link.check):
                return
            if cause == "check":
                link.check = None
        is_covered = link.synced_at >= at and link.requested_at <= link.synced_at
        if (cause == "event" or kind == "redeliver") and is_covered:
            return
        if now < link.lease:
            link.requested_at = max(link.requested_at, now)
            if cause == "event":  # a merged hint has its second sync, too
                self.push(now + LAG_WINDOW + 1, "message", "confirm")
            if link.holder is None or cause == "check":
                self.push(link.lease + 1, "message", cause)
            return
        sync = SyncRun(self, cause).steps()
        link.lease, link.holder = now + 400, sync
        self.step(sync)

    def step(self, sync):
        """Runs a sync to its next pause."""
        try:
            self.push(self.world.now + next(sync), "step", sync)
        except StopIteration:
            self.link.holder = None
