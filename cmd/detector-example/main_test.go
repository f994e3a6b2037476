package main

import (
	"testing"

	"github.com/aad6b6dc/taster/detectors/detectortest"
)

func TestMain(m *testing.M) { detectortest.Main(m, Spec) }

func TestConformance(t *testing.T) { detectortest.Run(t, Spec) }

func TestCases(t *testing.T) { detectortest.Cases(t, Spec, "testdata") }
