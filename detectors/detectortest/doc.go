// Package detectortest tells whether a detector keeps the contract of package detectors, and whether it finds what its
// author says it finds.
//
// [Run] is the conformance suite: it asks the detector directly, over gRPC inside the test, and as a process of its own
// (the test binary, run again), and expects the same answers each time. [Cases] compares the detector with files of
// events and the findings they must have. A detector's test needs no more than this:
//
//	func TestMain(m *testing.M)        { detectortest.Main(m, Spec) }
//	func TestConformance(t *testing.T) { detectortest.Run(t, Spec) }
//	func TestCases(t *testing.T)       { detectortest.Cases(t, Spec, "testdata") }
//
// [Check] runs the suite outside tests, for plugins of which only the program is at hand.
package detectortest
