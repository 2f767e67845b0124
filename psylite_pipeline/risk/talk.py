"""A talk as far as it has been walked through, as values: what was told, and how far a stretch of risk has come."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from psylite_pipeline.decision import Kind, Risk, Told

#: The person's turns that are read again, and in what steps they slide: 60 to 63 are read. Older danger is kept in the
#: prompt's one-line memory. What comes back every RHYTHM turns of an episode keeps its beat when they slide. Chosen: of
#: a crisis that never calmed not even an hour's taking back is the end, and after a restart all of it is read anew.
REACH, RHYTHM = 60, 4

#: Turns for which what weighed on somebody, or how danger was met, is remembered where nothing worse holds on.
WINDOW = 20


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of risk, from its first turn until enough turns were calm: all that is forgotten where it ends.

    `kind`: whose danger it is about. `told`: see Decision. `beaten`: somebody hurts them, whatever else was said since.
    """

    kind: Kind | None = None
    told: frozenset[Told] = frozenset()
    beaten: bool = False
    stage: int = 0
    """Turns of the crisis talk that is open, or was; 0: there was none."""
    urgent: bool = False
    """Something is under way and no help yet."""
    quiet: int = 0
    """While it is urgent: turns in a row, lately, that spoke of something quiet."""
    grave: int = 0
    """Turns that were high by themselves."""
    backed: bool = False
    """The classifier saw danger in one of them, too, or could not read it closely."""
    plain: bool = False
    """Rules and classifier agreed that one was, or it was a yes."""
    signs: frozenset[str] = frozenset()
    """The rules that have spoken of danger in it."""
    anew: int | None = None
    """Turns since one spoke for the first time. None: none has since they denied, or since a crisis."""

    def having(self, **changes: object) -> Stretch:
        """The same but for `changes`; itself where they change nothing."""
        differs = any(getattr(self, name) != value for name, value in changes.items())
        return replace(self, **changes) if differs else self


@dataclass(frozen=True, slots=True)
class Talk:
    """After a turn. `level` is what it is treated as, `own` what it says in this talk, `reasons` what raised it above
    its words. `staged` is true while the crisis talk's questions are open. `risk`: see `Assessment`. `episode` counts
    turns since risk began (None: no risk)."""

    level: Risk = Risk.NONE
    own: Risk = Risk.NONE
    reasons: tuple[str, ...] = ()
    staged: bool = False
    risk: float = 0.0
    episode: int | None = None
    stretch: Stretch = field(default_factory=Stretch)
    worry: float = 0.0
    """The classifier's concern, added up (worry.py)."""
    before: frozenset[Told] = frozenset()
    """What was told in all of the talk of what matters once something is wrong."""
    stood: int = 0
    """Turns for which it is remembered that they stand high up, said before any danger."""
    calm: int = WINDOW
    """Calm turns since the last that was heavy or risky."""
    calm_for_asking: int = WINDOW
    """The same, where moods that pass do not count: for who asks for a joke."""
    calm_risk: int = WINDOW
    """Calm turns since the last that was risky."""
    light: int = 0
    """The last turns in a row that a joke may be about."""
