package hosts

import "testing"

func TestOwner(t *testing.T) {
	for host, want := range map[string]string{"harbour.example": "harbour", "login.harbour.co.uk": "harbour", "localhost": "localhost", "a.b.harbour.test": "harbour", "": ""} {
		if got := Owner(host); got != want {
			t.Errorf("%s: %s", host, got)
		}
	}
}

func TestImitates(t *testing.T) {
	for host, want := range map[string]bool{
		"login.harbourmaster.example": false, "harbourmaster-login.example": true, "harbourmaster.example.secure.test": true,
		"harbourmasler.example": true, "h\u00e1rbourmaster.example": true, "id.elsewhere.example": false, "harbour-master.example": false,
	} {
		if got := Imitates(host, "harbourmaster"); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestDisguised(t *testing.T) {
	for host, want := range map[string]bool{
		"198.51.100.4": true, "127.0.0.1": false, "bit.ly": true, "xn--mnchen-3ya.example": false, "p\u0430ypal.example": true, "xn--pypal-4ve.example": true,
		"\u043f\u043e\u0440\u0442.example": false, "xn--.example": false, "xn--99999999999.example": false,
	} {
		if got := Disguised(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestIn(t *testing.T) {
	for text, want := range map[string]string{
		"see https://a.example/x": "a.example", "http://user@B.example:80/": "b.example", "no address": "", "https://[::1]:80/": "::1", "(https://a.example)": "a.example",
	} {
		if got, start, end := In(text, 0, len(text)); got != want || start > end {
			t.Errorf("%s: %s %d %d", text, got, start, end)
		}
	}
}

func FuzzHosts(f *testing.F) {
	f.Add("xn--a-b.example", "server-a")
	f.Fuzz(func(t *testing.T, host, server string) {
		Owner(host)
		Imitates(host, server)
		Disguised(host)
		Known(host)
		if _, start, end := In(host, 0, len(host)); start >= 0 && (start > end || end > len(host)) {
			t.Errorf("%d %d", start, end)
		}
	})
}
