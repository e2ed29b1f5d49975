"""Engines: each maps `perform` over jobs. They differ in where the work happens, never in what comes of it."""
