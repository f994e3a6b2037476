// Package catalog lists the detectors that ship with Taster.
package catalog

import (
	"github.com/aad6b6dc/taster/detectors"
	"github.com/aad6b6dc/taster/detectors/catalogue"
	"github.com/aad6b6dc/taster/detectors/classifier"
	"github.com/aad6b6dc/taster/detectors/heuristic"
	"github.com/aad6b6dc/taster/detectors/judge"
	"github.com/aad6b6dc/taster/detectors/similarity"
)

// Specs returns the shipped detectors in alphabetical order. The slice is the caller's.
func Specs() []detectors.Spec {
	return []detectors.Spec{
		catalogue.Spec,
		classifier.Spec,
		heuristic.Spec,
		judge.Spec,
		similarity.Spec,
	}
}
