package models

import "testing"

func TestRaw(t *testing.T) {
	// Six bytes as they are, two units of base64 behind a gap, four bytes that stand for an escape of six, and two words
	// in reverse order.
	m := OffsetMap{
		{ViewStart: 0, RawStart: 10, ViewUnit: 1, RawUnit: 1, Count: 6},
		{ViewStart: 6, RawStart: 20, ViewUnit: 3, RawUnit: 4, Count: 2},
		{ViewStart: 12, RawStart: 28, ViewUnit: 4, RawUnit: 12, Count: 1},
		{ViewStart: 16, RawStart: 50, ViewUnit: 5, RawUnit: 5, Count: 1},
		{ViewStart: 21, RawStart: 40, ViewUnit: 5, RawUnit: 5, Count: 1},
	}
	for _, tt := range []struct{ start, end, rawStart, rawEnd int }{
		{0, 6, 10, 16},
		{2, 3, 12, 13},
		{2, 2, 12, 12},
		{5, 7, 15, 24},
		{6, 9, 20, 24},
		{8, 10, 20, 28},
		{13, 14, 28, 40},
		{0, 16, 10, 40},
		{18, 23, 40, 55},
		{22, 23, 40, 45},
		{26, 26, 40, 40},
	} {
		if lo, hi := m.Raw(tt.start, tt.end); lo != tt.rawStart || hi != tt.rawEnd {
			t.Errorf("Raw(%d, %d) = %d, %d, want %d, %d", tt.start, tt.end, lo, hi, tt.rawStart, tt.rawEnd)
		}
	}
	s := Segment{Start: 7, Views: []View{{Text: "text"}, {Text: "x", Map: m}}}
	if lo, hi := s.Raw(0, 1, 3); lo != 8 || hi != 10 {
		t.Errorf("without a map: %d, %d, want 8, 10", lo, hi)
	}
	if lo, hi := s.Raw(1, 6, 9); lo != 20 || hi != 24 {
		t.Errorf("with a map: %d, %d, want 20, 24", lo, hi)
	}
}
