"""One team sync from its plan to what it stores: removal limit, intents, writes, outcomes.

A sync can crash at each `point`. Its request then comes again a minute later.
"""

from typing import NamedTuple

from rule_link import Intent, Unconfirmed, Unknown, Write, aspects, index_of, other
from rule_options import DAY, LAG_WINDOW, SECOND_QUESTION
from rule_oracle import check_change
from rule_sync import Reading


class Crash(Exception):
    """The end of a sync at a point."""


class Outcome(NamedTuple):
    """A write and its answer: `how`, or why the service refused it."""

    side: str
    person: int
    role: int
    aspect: str
    refusal: str | None
    lacks_owner_room: bool
    how: str


class SyncRun(Reading):
    """One team sync, from its start to what it stores."""

    def steps(self):
        """Runs the sync. Yields the seconds until the next step."""
        h, self.passed = self.h, 0
        h.cost["sync runs"] += 1
        is_crashing = h.random.random() < self.c["crash"]
        self.crashes_at = h.random.randrange(0, 8) if is_crashing else None
        try:
            if not self.is_linked():
                self.link.synced_at, self.link.lease = self.start, -1
                return
            self.plan()
            self.limit_removals()
            self.writes.sort(key=self.rank)
            self.point()
            self.store_intents()
            self.point()
            self.outcomes = []
            for write in self.writes:
                self.point()
                yield h.random.uniform(0.2, 2)
                self.outcomes.append(self.execute(write))
                self.point()
            self.record()
            self.request_next()
        except Crash:
            self.link.lease = self.now + 60
            h.push(self.now + 61, "redeliver", (self.cause, self.start))

    def point(self):
        if self.passed == self.crashes_at:
            self.h.say("   CRASH")
            raise Crash
        self.passed += 1

    def limit_removals(self):
        """Holds all removals where they would be more than the limit allows in a day."""
        link, limit, by_tries = self.link, self.c["removal_limit"], self.c["count"] == "tries"
        link.counted = [x for x in link.counted if self.now - x[0] < DAY]
        self.pending = {}
        fresh = [w for w in self.writes if w.role == 0 and (w.person, w.side) not in link.approved]
        if not limit or not fresh:
            return
        counted = {key for _, key in link.counted}
        people = counted | {(w.person, w.side) for w in fresh}
        count = len(link.counted) + len(fresh) if by_tries else len(people)
        if count > limit or by_tries and link.pending:
            if len(people) <= limit:
                self.h.bad["pending, though few people were removed"] += 1
            for write in fresh:
                self.hold(write)
            return
        for write in fresh:
            if by_tries or (write.person, write.side) not in counted:
                link.counted.append((self.now, (write.person, write.side)))

    def hold(self, write):
        """Lets a removal wait, or restores the person if an admin rejected it."""
        p, vanished = write.person, other(write.side)
        self.writes.remove(write)
        if (p, write.side) in self.link.rejected:
            role = 1 + self.link.baseline[vanished, p, "R"]
            self.writes.append(Write(vanished, p, role, "P"))
        else:
            self.pending[p] = write.side

    def rank(self, write):
        """Additions, promotions while there is room, demotions, other promotions, removals."""
        if write.role == 0:
            return 3
        if write.aspect == "P":
            return 0
        if write.role == 1:
            return 2
        has_room = sum(row[1] for row in self.group) < self.c["owners"]
        return 1 if write.side == "T" or has_room else 2.5

    def store_intents(self):
        link = self.link
        link.overlay.update(self.new_overlay)
        for p in self.people:
            if self.eligible[p]:
                link.last_read[p, "P"], link.last_read[p, "R"] = self.group[p]
        for side, p, role, aspect in self.writes:
            team, group = self.team[p], self.group[p]
            presence, owner = aspects(role)
            if aspect == "P":
                link.intents.append(Intent(side, p, "P", presence, team[0], group[0], self.now))
            link.intents.append(Intent(side, p, "R", owner, team[1], group[1], self.now))

    def execute(self, write):
        h, (side, p, role, aspect) = self.h, write
        before = h.world.role(side, p)
        how, is_made = h.world.lies.draw_answer(self.now, side, p)
        why = h.world.change(side, p, role) if is_made else None
        lacks_owner_room = why == "quota" and aspect == "P"
        if lacks_owner_room:  # as a member then
            h.world.change(side, p, 1)
        if not why:
            h.tries.append((self.now, side, p, role))
            h.cost["writes tried"] += 1
            h.cost["removals tried"] += role == 0
        after = h.world.role(side, p)
        if before != after:
            h.say(f"   WE {side}{p}: {before}->{after}")
            check_change(h, side, p, before, after)
            h.push(self.now + h.random.uniform(0.5, 20), "message", "event")
        else:
            h.say(f"   we tried {side}{p}->{role}: {how} {why or ''}")
        if lacks_owner_room:
            return Outcome(side, p, 1, aspect, None, True, how)
        return Outcome(side, p, role, aspect, why, False, how)

    def record(self):
        """Stores what came of the writes."""
        link, closed, self.again_at = self.link, set(), None
        for p, aspect in self.to_baseline:
            self.take_reading(p, aspect)
            link.deferred.pop((p, aspect), None)
        for outcome in self.outcomes:
            side, p, _, aspect, refusal, _, how = outcome
            if how == "unknown" or how == "contra" and self.c["already"] == "unknown":
                self.record_unknown(outcome)
                continue
            closed |= {(side, p, "R"), (side, p, aspect)}
            link.unknown.pop((p, aspect), None)
            if refusal:
                self.take_reading(p, aspect)
                if aspect == "P":
                    self.take_reading(p, "R")
                link.defer(p, aspect, other(side), 0, "rule", self.c["with_role"])
            else:
                self.record_written(outcome)
        link.intents = [it for it in link.intents if it.key not in closed]
        if self.c["removal_limit"]:
            link.pending = self.pending
        link.synced_at, link.lease = self.start, -1

    def take_reading(self, p, aspect):
        i = index_of(aspect)
        self.link.baseline["T", p, aspect] = self.team[p][i]
        self.link.baseline["G", p, aspect] = self.group[p][i]

    def record_unknown(self, outcome):
        key = outcome.person, outcome.aspect
        last = self.link.unknown.get(key)
        tries = 1 + (last.tries if last else 0)
        pause = 30 if self.c["unknown"] == "30s" else min(30 * 2**tries, 3600)
        again_at = self.now + pause
        self.link.unknown[key] = Unknown(tries, again_at, outcome.side, outcome.role)
        self.again_at = min(self.again_at or 1e9, again_at)

    def record_written(self, outcome):
        """The baseline takes the written value, unconfirmed."""
        link, now = self.link, self.now
        side, p, role, aspect, _, lacks_owner_room, how = outcome
        presence, owner = aspects(role)
        deferred = link.deferred.get((p, aspect))
        is_repeated = deferred and deferred.by == "service" and self.c["growth"]
        tries = 1 + (deferred.tries if is_repeated else 0)
        link.deferred.pop((p, aspect), None)
        link.deferred.pop((p, "R"), None)
        if aspect == "P":
            link.baseline["T", p, "P"] = link.baseline["G", p, "P"] = presence
            if side == "G":
                link.overlay[p, "P"] = (presence, now)
            if not presence:
                link.approved.discard((p, side))
            link.rejected.discard((p, other(side)))
            link.unconfirmed.pop((side, p, "P"), None)
            link.unconfirmed.pop((side, p, "R"), None)
        link.last_read[p, "P"], link.last_read[p, "R"] = presence, owner
        if lacks_owner_room:
            link.baseline["T", p, "R"], link.baseline["G", p, "R"] = 1, 0
            link.defer(p, "R", "T", 0, "rule", False)
        else:
            link.baseline["T", p, "R"] = link.baseline["G", p, "R"] = owner
        if side == "G" or lacks_owner_room:
            link.overlay[p, "R"] = (owner, now)
        if self.c["confirm"] == "answer" or how == "contra" and self.c["already"] == "so":
            return
        if aspect == "P":
            link.unconfirmed[side, p, "P"] = Unconfirmed(presence, now, tries)
        if aspect == "R" or owner:
            link.unconfirmed[side, p, "R"] = Unconfirmed(owner, now, tries)

    def request_next(self):
        """Requests the syncs that this one makes due."""
        h, link, now = self.h, self.link, self.now
        times = [at for _, at in link.overlay.values()] + [it.at for it in link.intents]
        if self.again_at:
            h.check_at(self.again_at)
        checks = [first + SECOND_QUESTION + 1 for first in link.missing.values()]
        checks += [w.at + h.window(key[0]) + 1 for key, w in link.unconfirmed.items()]
        for at in checks:
            if at > now:
                h.check_at(at)
        if now > h.end + 3 * DAY + 9000 and (times or link.unconfirmed):
            h.bad["syncs that never end"] += not h.world.lies.never
        if times:
            link.due = max(times) + LAG_WINDOW + 1
            h.push(max(link.due, now + 1), "message", ("due", link.due))
        elif self.cause == "event" and not self.writes and not self.to_baseline:
            h.push(now + 120, "message", "confirm")
        if self.cause == "event":
            h.push(now + LAG_WINDOW + 1, "message", "confirm")
        if link.requested_at > link.synced_at:
            h.push(now + 1, "message", "event")
