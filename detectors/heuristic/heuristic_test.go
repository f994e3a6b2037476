package heuristic

import (
	"testing"

	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/detectortest"
)

func TestMain(m *testing.M)        { detectortest.Main(m, Spec) }
func TestConformance(t *testing.T) { detectortest.Run(t, Spec) }
func TestCases(t *testing.T)       { detectortest.Cases(t, Spec, "testdata") }

func TestSpec(t *testing.T) {
	if err := detectors.Validate(Spec); err != nil {
		t.Error(err)
	}
}
