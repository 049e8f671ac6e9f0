"""Daily statements: what a platform or biller reports of a day, for others to reconcile.

`lines` says what a statement contains and how it is falsified on purpose, `days` remembers when a
day is closed and what is planted in it, `files` keeps what was made until it is fetched, and
`control` is the switchboard. How a statement looks belongs to each system.
"""
