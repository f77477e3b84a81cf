"""The command ``corsfast check``: is a policy safe to ship?

    loading, settings, arguments  ->  Subject  ->  judge  ->  Report  ->  terminal | machine

`command` runs the steps. `arguments` chooses the source, which `loading` or `django_settings`
reads. `judge` applies the checks of `Policy`, and asks `corrections` for suggested fixes. For an
application, `_cli/apps` makes the report.
"""
