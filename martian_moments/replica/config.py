"""What a replica serves: the parameters of one offline NASA."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from martian_moments.domain.errors import InputError
from martian_moments.domain.rovers import ROVERS
from martian_moments.replica.faults import FaultPlan

Unrecorded = Literal["refuse", "generate", "omit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaConfig:
    """The parameters of one replica. The same parameters always give the same mission.

    Attributes:
        rovers: the rovers it knows; of others it says that they are unknown.
        seed: of the generated mission and of the faults.
        sols: how many sols with photos a generated rover has, the first ones of its mission; None for all of them.
        scale: factor on the photos of every generated sol (at least one remains).
        counts: folder with recorded manifests whose sols, cameras and counts a generated mission takes; None generates them.
        recorded: folder with recorded payloads. A rover with a recorded manifest is served from it, whatever ``sols``,
            ``scale``, ``counts`` and the late settings say; other rovers are generated.
        unrecorded: the response of a recorded rover for a sol that its manifest promises and the folder lacks: ``refuse``
            with 503, ``generate`` the promised number of photos marked synthetic, or ``omit`` the sol from its manifest,
            which is then marked synthetic.
        paginated: respond as mirrors do that always paginate: 25 photos a page, a ``pagination`` object, 404 for an unknown
            rover. Photo records stay as the original's.
        odd_feeds: let the raw-image feeds do what their servers were seen to do at times: show images of another sol for one
            without any, state totals above or below what they give, repeat their last page for ever. The sol decides.
        late_sols: newest sols of each generated rover that are withheld, with what was driven on them, until they are
            released.
        late_share: share of the photos of a generated rover's 10 newest sols that is withheld until it is released.
        bad_pictures: share of the generated photos whose picture has a flaw (see pictures/flaws.py).
        faults: the faults at the start; they can be changed while the replica runs.
    """

    rovers: tuple[str, ...] = tuple(ROVERS)
    seed: int = 1
    sols: int | None = None
    scale: float = 1.0
    counts: Path | None = None
    recorded: Path | None = None
    unrecorded: Unrecorded = "refuse"
    paginated: bool = False
    odd_feeds: bool = False
    late_sols: int = 0
    late_share: float = 0.0
    bad_pictures: float = 0.1
    faults: FaultPlan = field(default_factory=FaultPlan)

    def __post_init__(self) -> None:
        """Refuse what no replica can serve.

        Raises:
            InputError: names the parameter and what it accepts.
        """
        if unknown := [name for name in self.rovers if name not in ROVERS]:
            raise InputError(f"no rover is called {', '.join(unknown)}; use {', '.join(ROVERS)}")
        if self.sols is not None and self.sols < 1:
            raise InputError(f"{self.sols} sols cannot be served; use 1 or more")
        if self.scale <= 0:
            raise InputError(f"a scale of {self.scale} leaves no photos; use a number above 0")
        if not 0 <= self.late_share <= 1 or self.late_sols < 0:
            raise InputError("late_share is a share from 0 to 1 and late_sols a number of sols from 0 up")
        if not 0 <= self.bad_pictures <= 1:
            raise InputError("bad_pictures is a share from 0 to 1")
        for folder in (self.counts, self.recorded):
            if folder is not None and not folder.is_dir():
                raise InputError(f"{folder} is no folder; name one that holds recorded payloads")
