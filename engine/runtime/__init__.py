"""Plans, sessions, lanes, live parameters: what turns one Run into a stream."""
