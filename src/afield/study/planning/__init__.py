"""How long trainings and their lines take, in what memory; what is missing; what a budget leaves of a study."""
