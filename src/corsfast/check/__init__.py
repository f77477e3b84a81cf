"""The command ``python -m corsfast check``: is a policy safe to ship?

    files, settings, arguments  ->  Subject  ->  judge  ->  Report  ->  terminal | machine

`command` runs it all; `arguments` chooses the source; `files` and `django_settings` read one;
`spellings` understands regexes of other software, `names` misspelt options; `judge` asks what
a `Policy` asks, and `corrections` for what to write instead.

Place in the flow: right of everything but __main__.py; cold.
Never: imported by anything that serves a request.
"""
