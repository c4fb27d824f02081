"""Arguments, exit codes and rendering. One module per command; what a command does is in gator, runtime or sim."""
