"""The dashboard: shows what drifted, when, where and why."""
