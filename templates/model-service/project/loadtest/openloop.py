"""The generator, and what it saw.

A closed-loop generator waits for each answer before it sends the next request, so a server
that hangs for a second is asked nothing during that second, and the one slow answer drowns
in thousands of fast ones. Here requests leave at a fixed rate, and a latency counts from the
moment a request should have left: time spent waiting for a connection is the server's.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from .client import Client

_QUANTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a run.

    Attributes:
        sent: Requests that left.
        seconds: From the first request to the last answer.
        statuses: HTTP status -> answers.
        failures: What else happened instead of an answer -> how often.
        latencies: Seconds from schedule to answer, sorted, of answers with status 200.
    """

    sent: int
    seconds: float
    statuses: Counter[int]
    failures: Counter[str]
    latencies: list[float]

    @property
    def throughput(self) -> float:
        """Good answers per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    @property
    def clean(self) -> bool:
        """Whether each request got a good answer."""
        return len(self.latencies) == self.sent

    def quantile(self, share: float) -> float:
        """Latency in seconds that this share of good answers did not exceed."""
        if not self.latencies:
            return float("nan")
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]

    def __str__(self) -> str:
        """The report for people."""
        quantiles = "  ".join(f"p{q * 100:g} {self.quantile(q) * 1000:.2f}" for q in _QUANTILES)
        slowest = self.latencies[-1] * 1000 if self.latencies else float("nan")
        lines = [
            f"{self.sent} requests in {self.seconds:.1f} s, {self.throughput:.1f} good answers/s",
            f"latency in ms: {quantiles}  max {slowest:.2f}",
        ]
        lines += [f"status {code}: {count}" for code, count in sorted(self.statuses.items())]
        lines += [f"failed, {why}: {count}" for why, count in self.failures.most_common()]
        return "\n".join(lines)


async def run(client: Client, rate: float, seconds: float, patience: float = 10) -> Report:
    """Send requests at a fixed rate.

    Args:
        client: Sends them.
        rate: Requests per second.
        seconds: For how long.
        patience: Seconds after which an answer no longer counts.
    """
    statuses: Counter[int] = Counter()
    failures: Counter[str] = Counter()
    latencies: list[float] = []

    async def one(due: float) -> None:
        try:
            async with asyncio.timeout(patience):
                status = await client.send()
        except (OSError, TimeoutError) as error:
            failures[type(error).__name__] += 1
            return
        statuses[status] += 1
        if status == 200:  # noqa: PLR2004 - HTTP
            latencies.append(time.perf_counter() - due)

    number = max(1, round(rate * seconds))
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for index in range(number):
            due = began + index / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one(due))
    await client.close()
    return Report(number, time.perf_counter() - began, statuses, failures, sorted(latencies))
