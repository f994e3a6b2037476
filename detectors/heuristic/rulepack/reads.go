package rulepack

import "github.com/aad6b6dc/taster/models"

// Reads reports whether the rule reads the segment in an event of kind k; without a segment (nil), whether it reads
// anything of such events.
func (r *Rule) Reads(k models.Kind, s *models.Segment) bool {
	return r.kindBits()&kindBit(k) != 0 && (s == nil || fieldBits(r.Fields)&fieldsOf(s) != 0)
}
