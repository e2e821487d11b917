"""The open-loop load generator and its report.

A closed-loop generator waits for each response before it sends the next request. While a server
hangs for a second, it sends nothing, and the one slow response is lost among thousands of fast
ones. Here, requests are sent at a fixed rate, and latency is measured from the moment a request
was due: time spent waiting for a connection counts, too.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from .client import Client

_QUANTILES = (0.5, 0.9, 0.99)


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a load test.

    Attributes:
        sent: The number of requests sent.
        seconds: The time from the first request to the last response.
        statuses: The number of responses by HTTP status.
        failures: The number of requests without a response, by error.
        latencies: Seconds from due time to response, sorted, of responses with status 200.
    """

    sent: int
    seconds: float
    statuses: Counter[int]
    failures: Counter[str]
    latencies: list[float]

    @property
    def throughput(self) -> float:
        """Successful responses per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    @property
    def succeeded(self) -> bool:
        """Whether every request succeeded."""
        return len(self.latencies) == self.sent

    def quantile(self, share: float) -> float:
        """Return the latency in seconds that this share of successful responses did not exceed."""
        if not self.latencies:
            return float("nan")
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]

    def __str__(self) -> str:
        """Format the report for people."""
        quantiles = "  ".join(f"p{q * 100:g} {self.quantile(q) * 1000:.2f}" for q in _QUANTILES)
        slowest = self.latencies[-1] * 1000 if self.latencies else float("nan")
        lines = [
            f"{self.sent} requests in {self.seconds:.1f} s, {self.throughput:.1f} successful/s",
            f"latency in ms: {quantiles}  max {slowest:.2f}",
        ]
        lines += [f"status {code}: {count}" for code, count in sorted(self.statuses.items())]
        lines += [f"failed, {why}: {count}" for why, count in self.failures.most_common()]
        return "\n".join(lines)


async def run(client: Client, rate: float, seconds: float, limit: float = 10) -> Report:
    """Send requests at a fixed rate.

    Args:
        client: Sends the requests.
        rate: Requests per second.
        seconds: The duration of the test.
        limit: Seconds after which a request counts as failed.
    """
    statuses: Counter[int] = Counter()
    failures: Counter[str] = Counter()
    latencies: list[float] = []

    async def send(due: float) -> None:
        try:
            async with asyncio.timeout(limit):
                status = await client.send()
        except (OSError, TimeoutError) as error:
            failures[type(error).__name__] += 1
            return
        statuses[status] += 1
        if status == 200:  # noqa: PLR2004 - HTTP
            latencies.append(time.perf_counter() - due)

    number = max(1, round(rate * seconds))
    start = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for index in range(number):
            due = start + index / rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.create_task(send(due))
    await client.close()
    return Report(number, time.perf_counter() - start, statuses, failures, sorted(latencies))
