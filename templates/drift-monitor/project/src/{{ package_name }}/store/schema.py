"""The database schema, as a list of migrations.

The list is append-only: never change a migration that may have been applied somewhere. Each
statement must work in DuckDB and in PostgreSQL. There are no foreign keys because DuckDB treats
updates of referenced rows as conflicts.
"""

MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "001-events",
        (
            # Counters. Positions of events come from here instead of a sequence: the row lock
            # makes writers take turns, so a smaller position never appears after a larger one.
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
            # A separate table, because a label may arrive before its prediction.
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
