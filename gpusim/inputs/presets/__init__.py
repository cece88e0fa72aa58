"""Published clusters as workload presets: tables with their sources, and the code that reads them."""
