"""The tables, in the order in which they came to be.

Append only: what has run somewhere is never changed. Each statement must be understood by DuckDB
and by PostgreSQL. No foreign keys: DuckDB turns updates of referenced rows into conflicts.
"""

MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "001-events",
        (
            # Positions in order of arrival come from here and not from a sequence: the row lock
            # makes writers take turns, so that no smaller position shows up after a larger one.
            "CREATE TABLE marks (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
            "INSERT INTO marks VALUES ('events', 0), ('windows', 0)",
            """CREATE TABLE events (
                position BIGINT PRIMARY KEY,
                id TEXT NOT NULL UNIQUE,
                happened_at TIMESTAMPTZ NOT NULL,
                received_at TIMESTAMPTZ NOT NULL,
                features TEXT NOT NULL,
                prediction TEXT NOT NULL,
                score DOUBLE PRECISION
            )""",
            # Apart from the events, so that a label may come before its prediction.
            """CREATE TABLE labels (
                id TEXT PRIMARY KEY,
                label TEXT NOT NULL,
                received_at TIMESTAMPTZ NOT NULL
            )""",
            """CREATE TABLE quarantine (
                received_at TIMESTAMPTZ NOT NULL,
                source TEXT NOT NULL,
                reason TEXT NOT NULL,
                content TEXT NOT NULL
            )""",
        ),
    ),
    (
        "002-windows",
        (
            """CREATE TABLE windows (
                number BIGINT PRIMARY KEY,
                first BIGINT NOT NULL,
                last BIGINT NOT NULL,
                started_at TIMESTAMPTZ NOT NULL,
                ended_at TIMESTAMPTZ NOT NULL,
                labels_done BOOLEAN NOT NULL DEFAULT FALSE
            )""",
            """CREATE TABLE results (
                number BIGINT NOT NULL,
                stage TEXT NOT NULL,
                checked_at TIMESTAMPTZ NOT NULL,
                drifted BOOLEAN NOT NULL,
                severity TEXT NOT NULL,
                result TEXT NOT NULL,
                PRIMARY KEY (number, stage)
            )""",
        ),
    ),
    (
        "003-incidents",
        (
            "INSERT INTO marks VALUES ('incidents', 0)",
            """CREATE TABLE incidents (
                id TEXT PRIMARY KEY,
                number BIGINT NOT NULL,
                open BOOLEAN NOT NULL,
                opened_at TIMESTAMPTZ NOT NULL,
                incident TEXT NOT NULL
            )""",
            """CREATE TABLE alerts (
                key TEXT PRIMARY KEY,
                number BIGINT NOT NULL,
                route TEXT NOT NULL,
                incident TEXT NOT NULL,
                alert TEXT NOT NULL,
                status TEXT NOT NULL,
                attempts BIGINT NOT NULL,
                due_at TIMESTAMPTZ NOT NULL,
                error TEXT NOT NULL,
                created_at TIMESTAMPTZ NOT NULL,
                sent_at TIMESTAMPTZ
            )""",
        ),
    ),
)
