"""What a turn is treated as once every voice was heard: the gravest counts, whoever said it."""

from __future__ import annotations

from itertools import product

import pytest
from test_judge import assessment

from psylite_pipeline.conversation import Floor
from psylite_pipeline.decision import Kind, Risk, Route
from psylite_pipeline.risk.judge import NO_VERDICT
from psylite_pipeline.risk.policy import TOO_LONG, Met, Opinion, settled, unjudged

NONE, CONCERN, HIGH, IMMINENT = Risk
ROUTES = {NONE: Route.PLAIN, CONCERN: Route.SUPPORT, HIGH: Route.CRISIS, IMMINENT: Route.CRISIS}


@pytest.mark.parametrize(("own", "sent"), list(product(Risk, Risk)))
def test_neither_we_nor_a_filter_in_front_lower_what_the_other_found(own, sent):
    found = settled(assessment(own, own, 0), Opinion(own, ()), Floor(sent), Met(), unread=False)
    assert (found.risk, found.route) == (max(own, sent), ROUTES[max(own, sent)])
    assert (found.episode is None) is (found.risk is NONE)
    assert unjudged(Floor(sent)).route is ROUTES[max(CONCERN, sent)]


@pytest.mark.parametrize("route", [Route.CRISIS, Route.DECLINE])
def test_the_route_that_a_filter_found_stays(route):
    calm = assessment(NONE, NONE, None)
    assert settled(calm, Opinion(NONE, ()), Floor(route=route), Met(), unread=False).route is route
    assert unjudged(Floor(route=route)).route is route


def test_danger_goes_before_a_refusal_and_a_refusal_before_care():
    for level, route in ((HIGH, Route.CRISIS), (CONCERN, Route.DECLINE), (NONE, Route.DECLINE)):
        found = settled(assessment(level, level, 0, harmful=True), Opinion(level, ()), Floor(), Met(), unread=False)
        assert (found.route, found.risk) == (route, level)


def test_whose_danger_a_filter_heard_counts_only_where_none_is_heard_here():
    sent = Floor(HIGH, kind=Kind.SOMEONE_ELSE)
    for level, kind in ((NONE, Kind.SOMEONE_ELSE), (HIGH, Kind.SELF_HARM)):
        found = settled(assessment(level, level, 0), Opinion(level, ()), sent, Met(), unread=False)
        assert found.kind is kind


def test_there_is_care_while_what_was_met_or_was_not_read_is_near():
    calm = assessment(NONE, NONE, None, risk=0.1)
    for met, unread, route in ((Met(2, 3), False, Route.SUPPORT), (Met(4, 3), False, Route.PLAIN)):
        assert settled(calm, Opinion(NONE, ()), Floor(), met, unread=unread).route is route
    found = settled(calm, Opinion(NONE, ()), Floor(), Met(), unread=True)
    assert (found.route, found.rules) == (Route.SUPPORT, (TOO_LONG,))


def test_a_verdict_that_is_missing_is_no_reason_to_ask_about_dying():
    calm, opinion = assessment(NONE, NONE, None, risk=0.1), Opinion(CONCERN, (NO_VERDICT,))
    assert settled(calm, opinion, Floor(), Met(), unread=False).episode is None
    for reason in ({"met": Met(1, 3)}, {"floor": Floor(CONCERN)}):
        found = settled(calm, opinion, reason.get("floor", Floor()), reason.get("met", Met()), unread=False)
        assert found.episode is not None
