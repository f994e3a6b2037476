// Package streambench measures the pipeline against the bus that it runs on.
//
// A figure is a ratio of rates within one round: each round starts a server of its own with files on disk for every
// variant, publishes the same events over TCP while they are being worked on, and stops the clock when the last event is
// acknowledged. The ceiling is the same traffic without any work in between: for each event fetched one verdict, one last
// verdict and one live definition are stored, on the conditions and with the headers and bytes that the engine would
// have written, and the event is acknowledged. Absolute rates say as much about the machine as about the program; the
// ratios hold across machines.
package streambench
