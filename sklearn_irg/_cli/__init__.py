"""The command line: tables in, a sweep over strengths out."""
