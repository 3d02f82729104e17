"""What must hold: of each change that we make, and at the end of a history.

Findings in brackets are allowed. All others are failures.
"""

from collections import Counter
from typing import NamedTuple

from rule_options import DAY, LAG, LAG_WINDOW

# The role "before" of a decision that an admin made about a removal
DECIDED = 9


class Act(NamedTuple):
    """A human act. `inside_write` is true while a write on that person is open."""

    at: float
    side: str
    person: int
    role: int
    before: int
    inside_write: bool

    def is_about_presence(self):
        return not self.role or not self.before or self.before == DECIDED

    def keeps_owner(self):
        """An addition as a member. It says nothing about the role."""
        return (self.role, self.before) == (1, 0)


def acts_on(h, p):
    """All acts on a person, and those about presence."""
    acts = [act for act in h.acts if act.person == p]
    return acts, [act for act in acts if act.is_about_presence()]


def excuse(h, act):
    """Why the last act need not win, or an empty text."""
    for other in h.acts:
        is_near = abs(act.at - other.at) <= LAG_WINDOW + LAG
        if other is not act and other.person == act.person and is_near:
            return ", inside another act's lag window)"
    tries = [at for at, _, p, _ in h.tries if p == act.person]
    if act.inside_write or any(0 <= act.at - at <= LAG_WINDOW + 60 for at in tries):
        return ", inside an unconfirmed window)"
    return ""


def check_change(h, side, p, before, after):
    """Checks a change that we made."""
    h.ours.append((h.world.now, side, p, before, after))
    if after == 0 and p not in h.removed_by_people:
        h.bad["removed whom no human removed"] += 1
    acts, about_presence = acts_on(h, p)
    if (before > 0) != (after > 0):
        check_presence(h, p, after > 0, acts, about_presence)
    is_addition_as_member = after == 1 and before == 0
    if (before == 2) != (after == 2) and after and not is_addition_as_member:
        check_role(h, p, after == 2, acts)


def check_presence(h, p, is_present, acts, about_presence):
    if not acts:
        report_without_act(h, p, "presence", is_present)
    elif about_presence and is_present != (about_presence[-1].role > 0):
        report_against_act(h, p, "presence", acts[-1], about_presence[-1])


def check_role(h, p, is_owner, acts):
    if not acts:
        report_without_act(h, p, "role", is_owner)
    elif is_owner != (acts[-1].role == 2):
        last = acts[-1]
        if last.role and not last.keeps_owner() and h.config["owners"] >= 9:
            report_against_act(h, p, "role", last, last)


def report_without_act(h, p, name, has_it):
    if h.world.initial[p] > 0 and not has_it:
        h.bad[f"we took {name} away, no human acted"] += 1
        h.say("   !!")


def report_against_act(h, p, name, last, act):
    now = h.world.now
    if last.before == DECIDED or now - h.eligible_since[p] < 3 * LAG_WINDOW:
        return
    if now - act.at > LAG_WINDOW + LAG and not excuse(h, act):
        h.bad[f"{name} set against the last act"] += 1
        h.say("   !! against the last act")


def check_end(h):
    """Checks the end of a history."""
    link, lies = h.link, h.world.lies
    if h.ends and not (lies.deleted and any(at >= lies.deleted[1] for at in h.ends)):
        h.bad["link ended, though it is there"] += 1
    if lies.deleted:
        h.bad["deleted, and the link goes on"] += not link.is_ended
    elif link.is_ended:
        h.bad["link ended for good"] += 1
    for p in range(h.world.people):
        if h.is_eligible[p] and not lies.deleted and not link.is_ended:
            check_person(h, p)
    for p in range(h.world.people):
        check_effort(h, p)
    if link.intents and not link.is_ended:
        h.bad["intents left"] += 1


def check_person(h, p):
    team, group = h.world.team[p], h.world.role("G", p)
    acts, about_presence = acts_on(h, p)
    if team != group:
        check_difference(h, p, team, group)
        return
    if not acts:
        return
    last = acts[-1]
    lacks_room = len(h.world.owners()) >= h.config["owners"]
    if last.role < 2 and h.world.is_last_owner("T", p) or last.role == 2 and lacks_room:
        return
    start = Act(0, 0, p, h.world.initial[p], 0, False)
    act = about_presence[-1] if about_presence else start
    is_presence_wrong = (team > 0) != (act.role > 0)
    is_role_wrong = team and team != last.role and not is_presence_wrong
    if is_presence_wrong:
        report_lost_act(h, "presence", act)
    elif is_role_wrong and not last.keeps_owner() and last.before != DECIDED:
        report_lost_act(h, "role", last)


def report_lost_act(h, name, act):
    why = excuse(h, act)
    h.bad[f"{'(' if why else ''}last {name} act lost{why}"] += 1


def check_difference(h, p, team, group):
    """Two sides can differ at rest for a reason only."""
    world, never = h.world, h.world.lies.never
    is_never_written = never is not None and never[1] == p
    is_reported = is_never_written and any(key[0] == p for key in h.link.deferred)
    lacks_room = team == 2 and group == 1 and len(world.owners()) >= h.config["owners"]
    is_last = world.is_last_owner("G", p) or world.is_last_owner("T", p)
    if lacks_room or is_last or p in h.link.pending or is_reported:
        h.bad["(unequal, reason holds)"] += 1
    elif is_never_written:
        h.bad["unequal, and not reported"] += 1
    else:
        h.bad["unequal, no reason holds"] += 1


def check_effort(h, p):
    """No flapping, and no writes without end."""
    ours = [(before, after) for _, _, who, before, after in h.ours if who == p]
    acts = [act for act in h.acts if act.person == p]
    explained = sum(2 if 2 in (act.role, act.before) else 1 for act in acts)
    if any(h.config[flag] for flag in ("cleared", "restored", "rehired")):
        explained += 2
    if len(ours) > explained:
        h.bad["flapping: more changes by us than acts explain"] += 1
    per_day = Counter(int(at // DAY) for at, _, who, _ in h.tries if who == p)
    allowed = 10 + 22 * bool(h.world.lies.outages) + 6 * len(acts)
    if per_day and max(per_day.values()) > allowed:
        h.bad["writes without end"] += 1
