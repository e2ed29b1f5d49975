"""What lies behind the store: the files of a result folder, their seals and index; what is told and cleaned of them."""
