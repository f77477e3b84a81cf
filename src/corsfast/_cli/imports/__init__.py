"""The command ``corsfast import --from FORMAT FILE``: read the CORS policy of a proxy or gateway.

    file  --kubernetes, envoy, nginx, haproxy-->  Reading  -->  TOML with comments, or JSON

A module of a format translates what is static and lists the rest. `command` judges the policies
with the checks of ``corsfast check``. `worlds` derives a policy from rules that are executed.
"""
