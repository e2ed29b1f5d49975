"""What lies behind the store: the files of a result folder, their seals, their index, and answers that stand."""
