"""The command ``corsfast check``: is a policy safe to ship?

    loading, settings, arguments  ->  Subject  ->  judge  ->  Report  ->  terminal | machine

`command` runs it all; `arguments` chooses the source, which `loading` or `django_settings` reads;
`judge` asks what a `Policy` asks, and `corrections` for what to write instead.

Place in the flow: right of everything but __main__.py; cold.
Never: imported by anything that serves a request.
"""
