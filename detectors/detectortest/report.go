package detectortest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aad6b6dc/taster/detectors/host"
)

// Report is what the suite says about a plugin's detectors.
type Report struct {
	Results []Result // in order of detector and check; never empty unless there was no detector
}

// Result is the result of one check.
type Result struct {
	Detector string // name and version
	Check    string // short name
	What     string // the requirement, to be read after "the detector"
	Err      error  // nil: it holds
	Took     time.Duration
}

// Check runs the conformance suite on detectors as they are, with their own deadlines. It does not compare placements,
// since it has but one. ctx limits the whole.
func Check(ctx context.Context, loaded []host.Loaded) Report {
	var r Report
	for i := range loaded {
		spec := &loaded[i].Spec
		name := spec.Name + " " + spec.Version
		s, err := newSubject(spec, loaded[i].Detector, false)
		if err != nil {
			r.Results = append(r.Results, Result{Detector: name, Check: "samples", What: "can be asked", Err: err})
			continue
		}
		for _, c := range checks() {
			start := time.Now()
			err := c.run(ctx, s)
			r.Results = append(r.Results, Result{name, c.name, c.what, err, time.Since(start)})
		}
	}
	return r
}

// OK reports whether there was something to check and all of it holds.
func (r Report) OK() bool { return len(r.Results) > 0 && r.Failed() == 0 }

// Failed counts the checks that do not hold.
func (r Report) Failed() int {
	n := 0
	for _, x := range r.Results {
		if x.Err != nil {
			n++
		}
	}
	return n
}

// String shows the report to a person: a line per check, with what is wrong below it.
func (r Report) String() string {
	var b strings.Builder
	last := ""
	for _, x := range r.Results {
		if x.Detector != last {
			fmt.Fprintf(&b, "%s\n", x.Detector)
			last = x.Detector
		}
		verdict := "ok  "
		if x.Err != nil {
			verdict = "FAIL"
		}
		fmt.Fprintf(&b, "  %s  %-12s %s (%v)\n", verdict, x.Check, x.What, x.Took.Round(time.Microsecond))
		if x.Err != nil {
			fmt.Fprintf(&b, "        %s\n", strings.ReplaceAll(x.Err.Error(), "\n", "\n        "))
		}
	}
	fmt.Fprintf(&b, "%d checks, %d failed\n", len(r.Results), r.Failed())
	return b.String()
}
