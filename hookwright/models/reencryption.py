"""A re-encryption: under which key it rewrites what lives long, and how far it is."""

from pydantic import BaseModel

from hookwright.times import Moment


class RenewalProgress(BaseModel):
    """How many workflows were to be rewritten, and how many of them still are.

    `names` are the workflow ids of some that remain. `fewest` is the lowest number that ever
    remained, and `fewer_at` when that was reached: new ones may come while others are rewritten.
    """

    total: int = 0
    remaining: int | None = None
    fewest: int | None = None
    names: list[str] = []
    fewer_at: Moment | None = None

    @property
    def done(self) -> int:
        """How many were rewritten."""
        return self.total - (self.total if self.remaining is None else self.remaining)

    def after(self, remaining: int, names: list[str], now: Moment) -> "RenewalProgress":
        """Return the progress after one more search."""
        fewer = self.fewest is None or remaining < self.fewest
        return RenewalProgress(
            total=max(self.total, remaining),
            remaining=remaining,
            fewest=remaining if fewer else self.fewest,
            names=names,
            fewer_at=now if fewer else self.fewer_at,
        )


class ReencryptionInput(BaseModel):
    """The argument of the `Reencryption` workflow, and of its activities.

    All that began before `began_at` is rewritten, and all whose memo is under another key than
    `key_id`. The workflow that starts it leaves `began_at` out: it is the start of the first run.
    """

    key_id: str
    began_at: Moment | None = None
    progress: RenewalProgress = RenewalProgress()
