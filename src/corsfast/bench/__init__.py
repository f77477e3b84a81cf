"""``python -m corsfast.bench``: what CORS costs, on your own machine.

    cases.py ------ decisions.py --.
    libraries/ ---- scenarios.py --+-- run.py --.
                    importing.py --'            +-- report.py, plot.py -- __main__.py
                    scale.py -------------------'
                    (all use measure.py and produce rows.py)

Every answer is checked before it is timed, and every figure is printed with its spread.
"""
