"""What the charts of pages are: Vega-Lite specifications with their data as CSV, and the script that draws them."""
