package secrets

import (
	"strings"
	"testing"

	"github.com/aad6b6dc/taster/detectors/heuristic/check/checktest"
)

// key joins the parts of an invented key, so that nothing in this file looks like one.
func key(parts ...string) string { return strings.Join(parts, "") }

var cases = []checktest.Case{
	{Name: "cloud key", Text: "id = " + key("AK", "IA2T3T7YACLCIQTE", "K5") + ", keep it", Definition: "secret-key", Result: "secret-key"},
	{Name: "forge token", Text: "remote https://x.test uses " + key("gh", "p_q7Zr2mXv9Lk4Wt8Yb3Nc6Hd1Sf5Gj0PaQe"), Definition: "secret-key", Result: "secret-key"},
	{Name: "assignment", Text: "export DB_PASSWORD=" + key("tR8!vq9q", "FFC4sOtF6"), Definition: "secret-password", Result: "secret-password"},
	{Name: "said in words", Text: "Sign in as archive with the password " + key("Hammer!Z0", "71L4O7") + " first.", Definition: "secret-password", Result: "secret-password"},
	{Name: "russian", Text: "логин архив, пароль: " + key("Lx7-qW", "29!mzT"), Definition: "secret-password", Result: "secret-password"},
	{Name: "connection", Text: "postgresql://settle:" + key("nW4$zKp9", "r4XB18yx") + "@pg-2.int.tide.test:5432/ledger", Definition: "secret-in-address", Result: "secret-in-address"},
	{Name: "webhook", Text: "Posts to https://hooks.slack.com/services/" + key("T0V3HY2L7I/B0HKVD4WNH/", "qluyfMhwKlRHrzTjeUTGIAA3"), Definition: "secret-key", Result: "secret-key"},
	{Name: "private key", Text: "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDQ6kga7CwlsjUZ8ifpMBLLXrBsVFtnMjTj\n", Definition: "secret-key", Result: "secret-key"},
	{Name: "basic", Text: "Authorization: Basic " + "Y2VsbGFyOm00bHQhRmVybWVudC1WSWQ2Y0xBVw==", Definition: "secret-password", Result: "secret-password"},
	{Name: "patient", Text: "Name: Hedwig B.; geb.: 07.09.1957; Versichertennr.: Q515795996; Tel.: 0151 5550 1883; Diagnose: C50.4", Result: "personal-data"},

	{Name: "password of something", Text: "The password of the router in the hall: " + key("Zk8!vtRq", "3wPm"), Definition: "secret-password", Result: "secret-password"},

	{Name: "password manager", Text: `[{"website": "tide.test", "username": "anna", "password": "` + key("T1m3", "Trav3l!") + `"}]`, Definition: "secret-password"},
	{Name: "profile", Text: "username: anna\npassword: " + key("Heron.", "Blue.77x") + "\nlast visit: monday", Definition: "secret-password"},
	{Name: "where to go on", Text: "next_page_token: CiAKGjBpNDd2Nmp2Zml2cXRwYjBpOXA"},
	{Name: "directory", Text: "Call the terminal pwd (Linux/Mac) or cd (Windows) first."},
	{Name: "documented key", Text: "aws_access_key_id = AKIAIOSFODNN7EXAMPLE and a secret of 40 characters"},
	{Name: "placeholders", Text: "API_KEY=your-key-here PASSWORD=changeme TOKEN=<TOKEN> SECRET=${SECRET} KEY=xxxxxxxxxxxxxxxx"},
	{Name: "masked", Text: "ORG_PASSWORD=*** SIGNING_KEY_PASS=[hidden] DSN=postgres://app:***@db.test/x"},
	{Name: "local", Text: "DATABASE_URL=postgres://postgres:postgres@localhost:5432/billing_dev"},
	{Name: "format", Text: "postgresql://USER:PASSWORD@HOST:5432/ledger"},
	{Name: "digest", Text: "sha256 7c159d31b1fd272c5ba16f9d7783569b31e36f4a5c0fbe3ca7804ba80d3e758e statement.pdf"},
	{Name: "transaction", Text: "transaction 0x8a950afdc75e182a5724d0cab043883602402f0d786657594f9c1902a5c9b25f mined"},
	{Name: "identifier", Text: "request id 550e8400-e29b-41d4-a716-446655440000, trace 2c6802fc379474807d93d10095d6cfa3"},
	{Name: "public key", Text: "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0\n-----END PUBLIC KEY-----"},
	{Name: "about passwords", Text: "The password must have 12 characters, of which 2 are digits; passwordPolicy: Strict2024"},
	{Name: "test card", Text: "Use card 4242 4242 4242 4242 with any CVC, or 5555 5555 5555 4444"},
	{Name: "specimen", Text: "Erika Mustermann, geb. 12.08.1964, Versichertennr. X110411675, Diagnose Z00.0 (fictional)"},
	{Name: "business card", Text: "Orla Penhallow, 9 Weir Lane, Thornby, tel +44 7700 900417, mobile +44 7700 900418"},
}

func TestCases(t *testing.T) { checktest.Run(t, Checks, cases) }

func FuzzExamine(f *testing.F) { checktest.Fuzz(f, Checks, cases) }
