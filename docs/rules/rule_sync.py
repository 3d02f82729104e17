"""One team sync up to its plan: read, prove absences, judge unconfirmed writes, decide.

What follows, from the removal limit to the stored outcomes, is `rule_write.py`.
"""

from rule_link import Write, index_of, other
from rule_options import LAG_WINDOW, OUTAGE, SECOND_QUESTION


class Reading:
    """What a sync reads and decides. `rows` is what the listings show, after proof."""

    def __init__(self, history, cause):
        self.h, self.cause = history, cause
        self.c, self.link = history.config, history.link
        self.people = range(history.world.people)
        self.start = history.world.now
        # Keys (side, person, aspect) whose absence is not believed yet, and writes to repeat
        self.unclear, self.repeated = set(), []
        self.writes, self.to_baseline, self.new_overlay = [], [], {}

    @property
    def now(self):
        return self.h.world.now

    def is_linked(self):
        """Ends the link, or brings it back. False if this sync has nothing to read."""
        c, link, lies, now = self.c, self.link, self.h.world.lies, self.now
        is_failing = False
        for side in "TG":
            is_object_gone = lies.is_gone(now, side, False)
            is_listing_gone = lies.is_gone(now, side, True)
            is_failing |= is_object_gone or is_listing_gone
            if not is_object_gone or c["ends"] != "object" and not is_listing_gone:
                link.gone_since.pop(side, None)
                continue
            first = link.gone_since.setdefault(side, now)
            after = OUTAGE if c["ends"] == "both" else 1200
            if now - first >= after and not link.is_ended:
                link.is_ended = True
                self.h.ends.append(now)
                self.h.say("LINK ENDED", side)
        if link.is_ended:
            if not c["back"] or link.gone_since:
                return False
            link.is_ended = False
            self.h.say("LINK BACK")
        if is_failing:
            self.h.check_at(now + 1300)
        if any(lies.is_gone(now, side, True) for side in "TG"):
            return False
        return not is_failing or c["ends"] != "object"

    def read(self):
        h, now = self.h, self.now
        self.rows = h.world.read()
        self.eligible = [
            h.is_eligible[p] and now - h.eligible_since[p] >= LAG_WINDOW for p in self.people
        ]
        overlay = self.link.overlay
        self.link.overlay = {k: v for k, v in overlay.items() if now - v[1] < LAG_WINDOW}

    def overlaid(self, p):
        """A row of the group under the lag overlay."""
        presence, owner = self.rows["G"][p]
        entry = self.link.overlay.get((p, "P"))
        if entry:
            presence = entry[0]
        if not presence:
            return [0, 0]
        if not self.rows["G"][p][0]:
            owner = self.link.baseline["G", p, "R"] or 0
        entry = self.link.overlay.get((p, "R"))
        return [presence, entry[0] if entry else owner]

    def row(self, side, p):
        return self.rows["T"][p] if side == "T" else self.overlaid(p)

    def settle(self, only_present):
        """Settles intents that a crash or an unknown answer left open."""
        seen, still_open = {s: [self.row(s, p) for p in self.people] for s in "TG"}, []
        link = self.link
        for it in link.intents:
            side, p, aspect = it.key
            if only_present and not it.value:
                still_open.append(it)
            elif seen[side][p][index_of(aspect)] == it.value:
                is_team = side == "T"
                link.baseline["T", p, aspect] = it.value if is_team else it.team
                link.baseline["G", p, aspect] = it.group if is_team else it.value
                if not is_team:
                    link.overlay[p, aspect] = (it.value, it.at)
            elif only_present or self.now - it.at < LAG_WINDOW and side == "G":
                still_open.append(it)
        link.intents = still_open

    def prove_absences(self):
        """Asks about absences that are news, and believes each at a second moment."""
        if self.c["proof"] == "account":
            return
        for side in "TG":
            for p in self.people:
                if self.eligible[p]:
                    self.prove_person(side, p)

    def prove_person(self, side, p):
        row, seen, answer = self.rows[side][p], self.row(side, p), None
        for i, aspect in enumerate("PR"):
            key = side, p, aspect
            if aspect == "R" and not row[0] and answer is None:
                continue
            is_news = self.is_news(key, row[i], seen[i])
            if row[i]:
                self.link.missing.pop(key, None)
            if not is_news:
                continue
            first, is_own = self.link.missing.get(key), self.is_own_removal(key)
            if first is not None and self.now - first < SECOND_QUESTION and not is_own:
                self.keep_unclear(key)
                continue
            if answer is None:
                self.h.cost["single questions"] += 1
                answer = self.h.world.ask(side, p)
            if answer[i]:
                self.deny(key)
            elif self.c["proof"] == "twice" and not is_own:
                first = self.link.missing.setdefault(key, self.now)
                if self.now - first < SECOND_QUESTION:
                    self.keep_unclear(key)
                    self.h.check_at(first + SECOND_QUESTION + 1)
                    self.h.say(f"   {side}{p}{aspect} is gone, to be asked again")
        if row[0] == 0:
            row[1] = 0
        if row[1]:
            row[0] = 1

    def is_news(self, key, listed, seen):
        """An absence against the baseline, or against what we wrote."""
        side, _, aspect = key
        write = self.link.unconfirmed.get(key)
        if aspect == "R" and self.c["roles"] == "unproved":
            return False
        is_over = write and self.now - write.at >= self.h.window(side)
        is_in_window = write and write.value == 1 and not is_over
        if self.link.baseline[key] and not seen and not is_in_window:
            return True
        if not write or self.c["confirm"] != "reading" or listed:
            return False
        return self.c["confirm_gone"] != "listing" if write.value == 0 else is_over

    def is_own_removal(self, key):
        """True where our own removal needs no second question."""
        if self.c["confirm_gone"] == "twice":
            return False
        write = self.link.unconfirmed.get(key)
        is_intent = any(it.key == key and it.value == 0 for it in self.link.intents)
        return bool(write and write.value == 0) or is_intent

    def keep_unclear(self, key):
        side, p, aspect = key
        self.rows[side][p][index_of(aspect)] = self.link.baseline[key]
        self.unclear.add(key)

    def deny(self, key):
        side, p, aspect = key
        self.link.missing.pop(key, None)
        self.h.say(f"   the listing lacks {side}{p}{aspect}, the single question has it")
        self.h.check_at(self.now + 120)
        if self.c["denied"] == "overlay" and side == "G":
            self.link.overlay[p, aspect] = (0, self.now)
        else:
            self.rows[side][p][index_of(aspect)] = 1

    def judge_unconfirmed(self):
        """Finds each unconfirmed write confirmed, still open, or lost."""
        link = self.link
        for key, write in list(link.unconfirmed.items()):
            if key not in link.unconfirmed or key in self.unclear:
                continue
            side, p, aspect = key
            row = self.row(side, p) if self.c["confirm"] == "overlay" else self.rows[side][p]
            passed = self.now - write.at
            if row[index_of(aspect)] == write.value:
                link.unconfirmed.pop(key)
                if side == "G" and self.c["fresh"]:  # it can be a human act of just now
                    link.overlay[p, aspect] = (write.value, self.now)
            elif passed >= self.h.window(side) or self.c["lost_after"] == "at once" and passed > 20:
                self.lose(key, write)

    def lose(self, key, write):
        link, c, (side, p, aspect) = self.link, self.c, key
        link.unconfirmed.pop(key)
        self.h.say(f"   our write {side}{p}{aspect}={write.value} was lost (try {write.tries})")
        if not self.eligible[p]:
            return
        is_last_try = write.tries >= c["tries"]
        if is_last_try and c["gives_up"] == "act":  # taken for a human act
            return
        link.baseline[key] = 1 - write.value
        if is_last_try and c["gives_up"] == "baseline":
            link.deferred.pop((p, aspect), None)
            return
        if aspect == "P":
            link.baseline[side, p, "R"] = 0 if write.value else self.rows[side][p][1]
            if write.value:
                link.unconfirmed.pop((side, p, "R"), None)
        if side == "G":
            link.overlay.pop((p, aspect), None)
        if c["repeat"] == "call" and not is_last_try:
            role = 1 + write.value
            if aspect == "P":
                role = write.value and 1 + link.baseline[side, p, "R"]
            self.repeated.append(Write(side, p, role, aspect))
        link.defer(p, aspect, other(side), write.tries, "service", c["with_role"])

    def finish_reading(self):
        """The values that are compared: unconfirmed ones stand in for the team's rows."""
        self.team = [row[:] for row in self.rows["T"]]
        for (side, p, aspect), write in self.link.unconfirmed.items():
            if side == "T":
                self.team[p][index_of(aspect)] = write.value
        for row in self.team:
            if not row[0]:
                row[1] = 0
        self.group = [self.overlaid(p) for p in self.people]
        letters = lambda rows: "".join("-MO"[row[0] + row[1]] for row in rows)
        true = lambda side: "".join("-MO"[self.h.world.role(side, p)] for p in self.people)
        self.h.say(
            f"sync({self.cause}) T={letters(self.rows['T'])} G={letters(self.rows['G'])}"
            f" as T={letters(self.team)} G={letters(self.group)} true T={true('T')} G={true('G')}"
        )

    def is_unclear(self, p, aspect):
        if self.c["unclear"] != "waits":
            return False
        return any((side, p, aspect) in self.unclear for side in "TG")

    def decide(self):
        for p in self.people:
            if self.eligible[p] and not self.is_unclear(p, "P"):
                self.decide_person(p)

    def decide_person(self, p):
        """Presence first, then the role of a person who is present on both sides."""
        baseline, team, group = self.link.baseline, self.team[p], self.group[p]
        for i, aspect in enumerate("PR"):
            if self.is_unclear(p, aspect):
                continue
            if aspect == "R" and team[0] != group[0]:
                break
            if aspect == "R" and not team[0]:
                self.to_baseline.append((p, aspect))
                break
            has_team_changed = team[i] != baseline["T", p, aspect]
            has_group_changed = group[i] != baseline["G", p, aspect]
            if aspect == "P" and group[1] != baseline["G", p, "R"]:
                self.observe(p, "R", group[1])
            if has_group_changed:
                self.observe(p, aspect, group[i])
            source = "G" if has_group_changed else "T" if has_team_changed else None
            differs = team[i] != group[i]
            deferred = self.link.deferred.get((p, aspect))
            if deferred and differs and (source is None or not self.c["clears"]):
                source = deferred.source if self.is_due(deferred) else None
            if source and differs:
                row = team if source == "T" else group
                role = (row[0] and 1 + row[1]) if aspect == "P" else 1 + row[1]
                self.writes.append(Write(other(source), p, role, aspect))
            elif has_team_changed or has_group_changed:
                self.to_baseline.append((p, aspect))

    def is_due(self, deferred):
        has_tries = deferred.by == "rule" or deferred.tries < self.c["tries"]
        return has_tries or self.cause in ("daily", "final")

    def observe(self, p, aspect, value):
        """Makes an entry of the lag overlay for a value that a reading shows first."""
        entry = self.link.overlay.get((p, aspect))
        if entry and entry[0] == value:
            return
        if self.link.last_read.get((p, aspect), self.link.baseline["G", p, aspect]) != value:
            self.new_overlay[p, aspect] = (value, self.now)

    def pause_unknown(self):
        """Takes out writes whose last answer is unknown and whose time has not come."""
        unknown = self.link.unknown
        if self.c["unknown"] == "grows":
            self.writes = [
                w
                for w in self.writes
                if (w.person, w.aspect) not in unknown
                or not unknown[w.person, w.aspect].pauses(w, self.now)
            ]
        for answer in unknown.values():
            if answer.again_at > self.now:
                self.h.check_at(answer.again_at)
        repeated = {(w.person, w.aspect) for w in self.repeated}
        self.writes = [w for w in self.writes if (w.person, w.aspect) not in repeated]
        self.writes += self.repeated

    def plan(self):
        """Everything up to the plan."""
        self.read()
        if self.c["settled"] == "first":
            self.settle(only_present=True)
        self.prove_absences()
        self.settle(only_present=False)
        self.judge_unconfirmed()
        self.finish_reading()
        self.decide()
        self.pause_unknown()
