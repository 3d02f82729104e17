"""The rule for names where renames of the group are acknowledged and never take effect.

The service decorates each name that is written, drops a character, and cuts. Readings lag up to
600 seconds.

`trusting`     after our rename, the first raw name is the baseline that is read after the lag
               window, or that the group did not have in it
`rule`         that name confirms the rename only if it differs from the raw name before our write.
               The old name, read again after the lag window, means that the rename was lost. It is
               planned again at once, three tries in all, then by the daily sync, and reported. A
               human rename clears it
`misread-act`  the old name, read again, is taken for a human act

Prints what went wrong in N histories of each, with and without lost renames. Findings in brackets
are allowed.

usage: lost_renames.py [N]
"""

import random, sys

LAG_WINDOW, LAG, TRIES, DAY = 900, 600, 3, 86400
NAMES = ["Beta", "Gam#ma", "Delta project with a long name", "Epsilon"]


class Group:
    """The group's name as the service makes it and as its replicas show it."""

    def __init__(self, r):
        self.random, self.prefix = r, r.choice(["", "GRP_"])
        self.names = [(-1e9, self.prefix + "Alpha", (0, 0, 0))]

    def decorated(self, name):
        is_bare = not self.prefix or not name.startswith(self.prefix)
        return ((self.prefix if is_bare else "") + name).replace("#", "")[:20]

    def bare(self, name):
        is_decorated = self.prefix and name.startswith(self.prefix)
        return name[len(self.prefix) :] if is_decorated else name

    def current(self):
        return self.names[-1][1]

    def set(self, at, name):
        self.names.append((at, name, tuple(self.random.uniform(0, LAG) for _ in range(3))))

    def read(self, at):
        replica = self.random.randrange(3)
        return [name for since, name, lags in self.names if since + lags[replica] <= at][-1]


class Names:
    """One history: the team's title, the group's name, and what is stored of both."""

    def __init__(self, seed, mode, loses):
        self.random, self.mode = random.Random(seed), mode
        self.group, self.team = Group(self.random), "Alpha"
        self.lost_rate = self.random.choice([0.3, 0.8, 1]) if loses else 0
        self.team_baseline, self.group_baseline = self.team, self.group.current()
        # Names that the group had in the lag window, and since when it runs
        self.overlay = None
        # An unconfirmed rename: names from before it, and its try. Deferred after how many tries
        self.unconfirmed, self.deferred = None, 0
        self.human, self.acts, self.writes = None, 0, []
        self.is_inside_unconfirmed = False
        self.draw_events()

    def draw_events(self):
        r, at, self.events = self.random, 0, []
        for _ in range(r.randint(1, 3)):
            at += r.uniform(1600, 4000)
            self.events.append((at, r.choice(["team", "group"]), r.choice(NAMES)))
        self.calm = at + 4000
        self.events += [(r.uniform(0, self.calm), "sync") for _ in range(40)]
        self.events += [(self.calm + i * 1000, "sync") for i in range(6)]
        for day in (1, 2):
            start = self.calm + day * DAY
            self.events += [(start, "daily"), (start + 1000, "sync"), (start + 2000, "sync")]

    def run(self):
        for at, kind, *name in sorted(self.events):
            if name:
                self.act(at, kind, name[0])
            else:
                self.sync(at, kind)

    def act(self, at, side, name):
        self.acts += 1
        self.human = side, name
        self.is_inside_unconfirmed |= side == "group" and self.unconfirmed is not None
        if side == "team":
            self.team = name
        elif self.group.decorated(name) != self.group.current():
            self.group.set(at, self.group.decorated(name))

    def extend_overlay(self, at):
        names = self.overlay[0] if self.overlay else set()
        self.overlay = names | ({self.group_baseline} if self.group_baseline else set()), at

    def rename(self, at, tries):
        self.extend_overlay(at)
        before = {self.group_baseline}
        if self.unconfirmed and self.mode == "rule":
            before |= {self.team_baseline} | self.unconfirmed[0]
        self.unconfirmed, self.team_baseline = (before, tries), self.team
        self.writes.append((at, "group", self.team))
        can_lose = at < self.calm or self.lost_rate == 1
        if not (self.lost_rate and self.random.random() < self.lost_rate and can_lose):
            self.group.set(at, self.group.decorated(self.team))

    def judge_unconfirmed(self, at, raw):
        """Finds our rename confirmed or lost. True if it was planned again."""
        before, tries = self.unconfirmed
        is_old = raw in before
        # The service can make the old name of the new one.
        if self.mode == "rule" and raw != self.team and (is_old or self.group.bare(raw) in before):
            self.group_baseline, self.unconfirmed, self.deferred = raw, None, tries
            if self.team == self.team_baseline and tries < TRIES:
                self.rename(at, tries + 1)
                return True
        elif self.mode == "misread-act" and is_old:
            self.unconfirmed = None
        else:
            self.group_baseline, self.unconfirmed, self.deferred = raw, None, 0
        return False

    def sync(self, at, kind):
        raw = self.group.read(at)
        if self.overlay and at - self.overlay[1] >= LAG_WINDOW:
            self.overlay = None
        is_hidden = self.overlay is not None and raw in self.overlay[0]
        if self.unconfirmed and not is_hidden and self.judge_unconfirmed(at, raw):
            return
        seen = self.group_baseline if self.unconfirmed or is_hidden else raw
        if not self.unconfirmed and seen != self.group_baseline:
            self.extend_overlay(at)
            self.deferred = 0
            if self.group.bare(seen) != self.team:
                self.team = self.group.bare(seen)
                self.writes.append((at, "team", self.team))
            self.team_baseline, self.group_baseline = self.team, seen
        elif self.team != self.team_baseline:
            self.deferred = 0
            self.rename(at, 1)
        elif self.deferred and not self.unconfirmed and kind == "daily":
            self.rename(at, self.deferred + 1)

    def findings(self):
        found, renames = [], len(self.writes)
        if self.human[0] == "team" and self.team != self.human[1]:
            found.append("the team's own new name overwritten")
        is_due = self.deferred or self.unconfirmed
        if self.group.decorated(self.team) != self.group.current() and not is_due:
            found.append(
                "(the names differ: a person renamed the group inside an unconfirmed window)"
                if self.is_inside_unconfirmed
                else "the names differ, and nothing is due"
            )
        if renames > self.acts * (TRIES + 4):
            found.append("renames without end")
        if not self.lost_rate and renames > self.acts:
            is_allowed = self.mode == "rule" and renames <= self.acts * (TRIES + 2)
            found.append(
                "(renamed again: the service made the old name of it)"
                if is_allowed
                else "more renames by us than by people"
            )
        return found


def main(count):
    for mode in ("trusting", "rule", "misread-act"):
        for loses in (False, True):
            total, examples = {}, {}
            for seed in range(count):
                names = Names(seed, mode, loses)
                names.run()
                for finding in names.findings():
                    total[finding] = total.get(finding, 0) + 1
                    examples.setdefault(finding, seed)
            findings = [f"{it}: {times} (seed {examples[it]})" for it, times in total.items()]
            title = mode + (" with lost renames" if loses else "")
            print(f"{title}: N={count} {'; '.join(findings)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20000)
