"""Reports: tables and figures of one or more runs as one page, CSV and LaTeX."""
