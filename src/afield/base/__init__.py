"""What every room uses: errors in words, named random streams, files that survive a kill, and hashes."""
