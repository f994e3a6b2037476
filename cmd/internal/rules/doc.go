// Package rules holds the rules of this repository as tests: which package may import which, what lies at the top
// level, what no file may contain. It has no code of its own.
//
// The tests read files and directories themselves instead of asking the go command or git, because the test cache
// follows what a test opens: a rule broken since the last run is never answered from the cache.
package rules
