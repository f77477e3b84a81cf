"""``python -m corsfast.bench``: what CORS costs, on your own machine.

    cases.py ---- decisions.py --.
    peers/ ------ stands.py -----+-- run.py --.
                  start.py ------'            +-- report.py, plot.py -- __main__.py
                  scale.py -------------------'
                  (all by measure.py, into rows.py)

Place in the flow: right of everything; nothing imports it.
Never: print a figure whose answer was not checked first, or one without its spread.
"""
