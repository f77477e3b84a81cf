"""Judge the CORS policy of an application as it is deployed: ``corsfast check module:app``.

    load  ->  layers, routes  ->  Deployment  ->  faults  ->  Report

Frameworks are never imported here. The application has imported its own, so the objects are
recognized by the names of their classes.
"""
