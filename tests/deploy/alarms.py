"""Plays metrics to the alarms of template.yaml: each alarm rings for its cause and only for it, with one tenant and many.

Statistics, metric math, periods and missing data are those of CloudWatch.
<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html>
"""

import copy
import math
import pathlib
import re
import sys
from collections import defaultdict

from cloudformation import yaml_parse

TEMPLATE = yaml_parse((pathlib.Path(__file__).parents[2] / "template.yaml").read_text())
ALARMS = {name: of["Properties"] for name, of in TEMPLATE["Resources"].items() if of["Type"] == "AWS::CloudWatch::Alarm"}

HEALTHY, FAULTY = 30, 60
ALL = ["webhook", "sync", "reconcile", "oauth"]


# ---- CloudWatch ---------------------------------------------------------------------------------------------------------


def name_of(metric: dict) -> tuple[str, str]:
    """Returns a metric's name and what it is about, without the place where the stack is deployed."""
    about = [str(one["Value"]) for one in metric.get("Dimensions", [])]
    found = re.findall(r"(\w+?)(?:Function|Queue|DeadLetters|Arn)?\b", re.sub(r"Ref|Fn::GetAtt|QueueName", "", " ".join(about)))
    kind = "DeadLetters" if "DeadLetters" in " ".join(about) else ""
    return metric["MetricName"], "".join(one.lower() for one in found[:1]) + kind


def statistic(values: list[float], stat: str) -> float | None:
    if stat == "SampleCount":
        return len(values)
    if not values:
        return None
    if stat.startswith("p"):
        return sorted(values)[max(0, math.ceil(len(values) * float(stat[1:]) / 100) - 1)]
    return {"Sum": sum, "Maximum": max, "Minimum": min}[stat](values)


def evaluate(expression: str, values: dict) -> float | None:
    """Evaluates metric math; a missing value makes the result missing, unless FILL replaces it."""

    class Missing(Exception):
        pass

    class Known(dict):
        def __missing__(self, name):
            value = values[name]
            if value is None:
                raise Missing
            return value

    text = re.sub(r"FILL\((\w+), (\d+)\)", lambda m: str(m[2] if values[m[1]] is None else values[m[1]]), expression)
    text = re.sub(r"\bAND\b", "and", text)
    # IF evaluates lazily here, as a division by zero has no data there.
    while found := re.search(r"IF\(([^,]+), ((?:[^(),]|\((?:[^()]|\([^()]*\))*\))+), ((?:[^(),]|\((?:[^()]|\([^()]*\))*\))+)\)", text):
        text = f"{text[:found.start()]}(({found[2]}) if ({found[1]}) else ({found[3]})){text[found.end():]}"
    try:
        return float(eval(text, {"__builtins__": {}}, Known()))  # noqa: S307
    except (Missing, ZeroDivisionError):
        return None


def rings(alarm: dict, series: dict, now: int) -> bool:
    """Returns whether the alarm rings at this minute."""
    metrics = alarm.get("Metrics")
    period = max(one["MetricStat"]["Period"] for one in metrics if "MetricStat" in one) if metrics else alarm["Period"]
    breaching = []
    for number in range(alarm["EvaluationPeriods"]):
        end = now - number * period // 60
        minutes = range(max(0, end - period // 60), end)

        def value(metric: dict, stat: str) -> float | None:
            samples = series.get(name_of(metric), {})
            return statistic([one for minute in minutes for one in samples.get(minute, [])], stat)

        if metrics:
            (expression,) = [one["Expression"] for one in metrics if "Expression" in one]
            of = {one["Id"]: value(one["MetricStat"]["Metric"], one["MetricStat"]["Stat"]) for one in metrics if "MetricStat" in one}
            result = evaluate(expression, of)
        else:
            result = value(alarm, alarm.get("Statistic") or alarm["ExtendedStatistic"])
        if result is None:
            breaching.append(alarm["TreatMissingData"] == "breaching")
        elif alarm["ComparisonOperator"] == "GreaterThanThreshold":
            breaching.append(result > alarm["Threshold"])
        else:
            breaching.append(result < alarm["Threshold"])
    return all(breaching)


# ---- A deployment's metrics -----------------------------------------------------------------------------------------------


class Minute:
    """What one minute adds to the metrics. A counter without a count sends nothing, as in the functions."""

    def __init__(self, series: dict, minute: int):
        self.series, self.minute = series, minute

    def count(self, name: str, about: str, amount: float) -> None:
        if amount:
            self.series[name, about][self.minute].append(amount)

    def samples(self, name: str, about: str, values: list[float]) -> None:
        self.series[name, about][self.minute].extend(values)


class Deployment:
    """A deployment's rates per minute. Each fault changes some."""

    def __init__(self, tenants: int):
        self.tenants = tenants
        # A tenant of 1,000 teams has a change in two minutes. A thousandth of all tenants are suspended, in a large deployment.
        self.listed = self.cycles = float(tenants)
        self.syncs = self.accepted = tenants / 2
        self.schedule = 1.0
        self.own = defaultdict(float, {("Suspensions", "reconcile"): tenants // 1000, ("Backoffs", "sync"): tenants // 5000, ("CycleFailures", "reconcile"): tenants // 1000})
        self.own["WebhooksRefused", "webhook"] = tenants // 5000
        self.own["WebhooksInactive", "reconcile"] = tenants // 2000
        self.broken: dict[str, float] = {name: 0.0001 if tenants > 1000 else 0 for name in ALL}
        self.refused = 0.0
        self.failing, self.throttled = (0.0005, 0.0001) if tenants > 1000 else (0, 0)
        self.delay = [4_000.0] * 99 + [30_000.0]
        self.ages = {"sync": 20.0, "reconcile": 5.0}
        self.dead = {"sync": 0.0, "reconcile": 0.0}
        self.days = 200.0

    def add(self, series: dict, minute: int) -> None:
        to = Minute(series, minute)
        to.count("ScheduleRuns", "reconcile", self.schedule)
        to.count("Tenants", "reconcile", self.listed)
        to.count("ReconciliationCycles", "reconcile", self.cycles)
        to.count("SyncRuns", "sync", self.syncs)
        to.count("WebhooksAccepted", "webhook", self.accepted)
        for (name, about), amount in self.own.items():
            to.count(name, about, amount)
        # A few in all times. They need syncs that run.
        few = self.tenants // 1000 if self.syncs else 0
        for name in ("FailedSyncs", "FailedFolderSyncs", "MessagesReturned"):
            to.count(name, "sync", few)
        if self.syncs:
            to.samples("SyncDelay", "sync", self.delay)
        cycles = max(self.cycles, self.own["MessagesReturned", "reconcile"])
        invoked = {"webhook": self.accepted + 1, "sync": self.syncs + 1, "reconcile": 1 + cycles, "oauth": self.tenants / 10 + 1 + self.refused}
        for function, amount in invoked.items():
            to.samples("Invocations", function, [amount])
            to.samples("Errors", function, [amount * self.broken[function]])
        requests = self.tenants / 2 + self.tenants / 10 + 2 + self.refused
        to.samples("Count", "api", [1.0] * math.ceil(requests))
        to.samples("5xx", "api", [requests * self.failing])
        to.count("RequestsThrottled", "", requests * self.throttled)
        # People without the role, and forms of an earlier session.
        to.count("PagesRefused", "", self.refused + self.tenants // 1000)
        for queue in ("sync", "reconcile"):
            to.samples("ApproximateAgeOfOldestMessage", queue, [self.ages[queue]])
            to.samples("ApproximateNumberOfMessagesVisible", f"{queue}DeadLetters", [self.dead[queue]])
        to.samples("DaysToExpiry", "certificate", [self.days])


def no_cycles(now: Deployment) -> None:
    now.schedule = now.listed = now.cycles = 0
    now.own["Suspensions", "reconcile"] = now.own["WebhooksInactive", "reconcile"] = now.own["CycleFailures", "reconcile"] = 0


def empty_table(now: Deployment) -> None:
    no_cycles(now)
    now.schedule, now.syncs = 1, 0


def lost_tail(now: Deployment) -> None:
    now.cycles *= 0.6


def refusing_table(now: Deployment) -> None:
    no_cycles(now)
    now.own["MessagesReturned", "sync"] = now.tenants / 2
    now.own["MessagesReturned", "reconcile"] = now.tenants
    # The schedule alone is an error of the function. A batch answers for each message.
    now.broken["reconcile"], now.syncs = 1 / (now.tenants + 1), 0


def unreachable(now: Deployment) -> None:
    now.accepted = now.own["WebhooksRefused", "webhook"] = 0
    now.own["AddressUnreachable", "reconcile"] = 1
    now.own["WebhooksInactive", "reconcile"] = now.tenants * 7 / 5


def ended_certificate(now: Deployment) -> None:
    unreachable(now)
    now.days = 0


def wrong_key(now: Deployment) -> None:
    now.own["WebhooksRefused", "webhook"], now.accepted = now.accepted, 0
    now.own["WebhooksInactive", "reconcile"] = now.tenants * 7 / 5


def own(name: str, about: str, per_tenant: float, least: float = 0):
    def apply(now: Deployment) -> None:
        now.own[name, about] = max(now.tenants * per_tenant, least)

    return apply


def strangers(now: Deployment) -> None:
    now.refused = now.tenants / 10 + 2


def failing_syncs(now: Deployment) -> None:
    now.own["FailedSyncs", "sync"], now.syncs = now.syncs, 0


def broken_function(function: str, answers: float = 0):
    def apply(now: Deployment) -> None:
        now.broken[function] = 1
        now.failing = answers or now.failing
        if function == "sync":
            now.syncs = 0
        if function == "reconcile":
            no_cycles(now)

    return apply


def change(**fields):
    def apply(now: Deployment) -> None:
        for name, value in fields.items():
            if isinstance(value, dict):
                getattr(now, name).update(value)
            else:
                setattr(now, name, value)

    return apply


# Each fault with the alarms that ring an hour after it began, with one tenant and with 10,000.
FAULTS = {
    "none": (lambda now: None, ""),
    "the schedule is off": (no_cycles, "NoReconciliation"),
    "the table is another one, without tenants": (empty_table, "TenantsLost"),
    "the end of the list of tenants gets no cycle": (lost_tail, "CyclesMissing"),
    "the table refuses": (refusing_table, "NoReconciliation MessagesReturned"),
    "the DNS record is gone": (unreachable, "AddressUnreachable WebhooksInactive"),
    "the certificate ended": (ended_certificate, "AddressUnreachable WebhooksInactive CertificateEnds"),
    "the certificate ends": (change(days=20), "CertificateEnds"),
    "our own credential is refused": (own("OwnCredentialRefused", "reconcile", 1), "OwnCredentialRefused"),
    "our client secret ends": (own("AppSecretsEnding", "reconcile", 0.2, 1), "AppSecretEnds"),
    "one customer's consent is gone": (own("Suspensions", "reconcile", 0.001, 1), ""),
    "a dead letter of a sync": (change(dead={"sync": 1.0}), "DeadSyncRequests"),
    "a dead letter of a cycle": (change(dead={"reconcile": 1.0}), "DeadReconcileRequests"),
    "webhooks are answered with 401": (wrong_key, "WebhooksRefused WebhooksInactive"),
    "webhooks are answered with 429": (change(throttled=0.2), "RequestsThrottled"),
    "strangers try the pages": (strangers, "PagesRefused"),
    "answers are 5xx": (change(failing=0.5), "AnswersFail"),
    "changes take two minutes": (change(delay=[120_000.0] * 100), "SyncsSlow"),
    "syncs wait for an hour": (change(ages={"sync": 3600.0}), "SyncRequestsLate"),
    "cycles wait for ten minutes": (change(ages={"reconcile": 600.0}), "ReconcileRequestsLate"),
    "all syncs fail": (failing_syncs, "LinksFail"),
    "a part of all cycles fails": (own("CycleFailures", "reconcile", 0.4), "CyclesFail"),
    "all folder syncs fail": (own("FailedFolderSyncs", "sync", 0.5), "FoldersFail"),
    "a service throttles": (own("Backoffs", "sync", 0.5), "TenantsThrottled"),
    "a sync meets an unreadable item": (own("UnreadableItems", "sync", 0, 1), "SyncItemsUnreadable"),
    "a cycle meets an unreadable item": (own("UnreadableItems", "reconcile", 0, 1), "CycleItemsUnreadable"),
    "the webhook function cannot start": (broken_function("webhook", 0.8), "WebhookErrors AnswersFail"),
    "the sync function cannot start": (broken_function("sync"), "SyncErrors"),
    "the reconcile function cannot start": (broken_function("reconcile"), "ReconcileErrors NoReconciliation"),
    "the pages cannot start": (broken_function("oauth", 0.2), "OauthErrors AnswersFail"),
}

# With few tenants the failing schedule is a large part of the function's invocations.
ALSO_OF_ONE = {"the table refuses": "ReconcileErrors"}

# Only possible with many tenants.
OF_MANY = {"a fifth of the tenants is suspended": (own("Suspensions", "reconcile", 0.2), "TenantsSuspended")}


def play(tenants: int, fault) -> set[str]:
    series: dict = defaultdict(lambda: defaultdict(list))
    healthy = Deployment(tenants)
    faulty = copy.deepcopy(healthy)
    fault(faulty)
    for minute in range(HEALTHY + FAULTY):
        (healthy if minute < HEALTHY else faulty).add(series, minute)
    return {name for name, alarm in ALARMS.items() if rings(alarm, series, HEALTHY + FAULTY)}


if __name__ == "__main__":
    wrong, rung = [], set()
    for tenants in (1, 10_000):
        for name, (fault, expected) in {**FAULTS, **(OF_MANY if tenants > 1 else {})}.items():
            also = ALSO_OF_ONE.get(name, "") if tenants == 1 else ""
            ringing, right = play(tenants, fault), set(f"{expected} {also}".split())
            rung |= ringing
            if ringing != right:
                wrong.append(f"{tenants} tenants, {name}: {sorted(ringing)} ring, not {sorted(right)}")
    wrong += [f"no fault lets {name} ring" for name in ALARMS.keys() - rung]
    print("\n".join(wrong) or f"alarms: each of {len(ALARMS)} rings for its cause only, at 1 and 10,000 tenants")
    sys.exit(bool(wrong))
