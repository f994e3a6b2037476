package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/aad6b6dc/taster/detectors"
	pb "github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
	"github.com/aad6b6dc/taster/models"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type detector func(context.Context, *detectors.Batch) (detectors.Answer, error)

func (d detector) Detect(ctx context.Context, b *detectors.Batch) (detectors.Answer, error) {
	return d(ctx, b)
}

func specOf(d detector) detectors.Spec {
	return detectors.Spec{Name: "d", New: func(context.Context, detectors.Config) (detectors.Detector, error) { return d, nil }}
}

// dial connects a client to a service inside the test.
func dial(t testing.TB, service pb.DetectorServiceServer) *Client {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := NewGRPCServer(nil)
	pb.RegisterDetectorServiceServer(server, service)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	conn, err := grpc.NewClient("passthrough:line", append(DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		<-done
	})
	return NewClient(conn)
}

func connect(t testing.TB, d detector) *Client {
	t.Helper()
	c := dial(t, NewServer(specOf(d)))
	if err := c.Configure(t.Context(), "d", nil); err != nil {
		t.Fatal(err)
	}
	return c
}

func clean(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
	a := detectors.Answer{Outcomes: make([]models.Outcome, len(b.Inputs))}
	for i := range a.Outcomes {
		a.Outcomes[i] = models.Clean()
	}
	return a, nil
}

// echo answers with the object's name.
func echo(_ context.Context, b *detectors.Batch) (detectors.Answer, error) {
	var a detectors.Answer
	for _, in := range b.Inputs {
		a.Outcomes = append(a.Outcomes, models.NotInspected(models.ReasonUnsupported, in.Event.Object))
	}
	return a, nil
}

func batchOf(objects ...string) *detectors.Batch {
	b := &detectors.Batch{}
	for _, o := range objects {
		b.Inputs = append(b.Inputs, detectors.Input{Event: &models.Event{Object: o, Body: json.RawMessage(`{}`)}})
	}
	return b
}

func codeOf(err error) detectors.Code {
	var e *detectors.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestBatchIsCut(t *testing.T) {
	var mu sync.Mutex
	var sizes []int
	c := connect(t, func(ctx context.Context, b *detectors.Batch) (detectors.Answer, error) {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(b.Inputs))
		return echo(ctx, b)
	})
	big := strings.Repeat("x", 3<<20)
	tests := []struct {
		name   string
		bodies []string
		want   []int
	}{
		{"none", nil, []int{0}},
		{"events", make([]string, 2*detectors.MaxBatchEvents+1), []int{256, 256, 1}},
		{"bytes", []string{big, big, "", big}, []int{1, 2, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sizes = nil
			b := &detectors.Batch{}
			for i, body := range tt.bodies {
				b.Inputs = append(b.Inputs, detectors.Input{Event: &models.Event{Object: fmt.Sprint(i), Body: json.RawMessage(body)}})
			}
			answer, err := c.Detect(t.Context(), "d", time.Minute, b)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(sizes) != fmt.Sprint(tt.want) {
				t.Errorf("cut into %v, want %v", sizes, tt.want)
			}
			for i, o := range answer.Outcomes {
				if o.Detail != fmt.Sprint(i) {
					t.Fatalf("outcome %d is of event %s", i, o.Detail)
				}
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	c := connect(t, func(ctx context.Context, b *detectors.Batch) (detectors.Answer, error) {
		a, err := clean(ctx, b)
		a.Revision = strings.Repeat("x", len(b.Inputs[0].Event.Body))
		return a, err
	})
	for _, n := range []int{MaxAnswerBytes + 1, MaxRequestBytes + 1} {
		b := batchOf("a")
		b.Inputs[0].Event.Body = json.RawMessage(strings.Repeat("x", n))
		if _, err := c.Detect(t.Context(), "d", time.Minute, b); codeOf(err) != detectors.CodeTooLarge || Broken(err) {
			t.Errorf("%d bytes: got %v, want too_large", n, err)
		}
	}
	if _, err := c.Detect(t.Context(), "d", time.Minute, batchOf("a")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestServerRefuses(t *testing.T) {
	c := connect(t, clean)
	if err := c.Configure(t.Context(), "d", nil); codeOf(err) != detectors.CodeInternal {
		t.Errorf("configured twice: %v", err)
	}
	if err := c.Configure(t.Context(), "e", nil); codeOf(err) != detectors.CodeInternal {
		t.Errorf("unknown detector configured: %v", err)
	}
	if _, err := c.Detect(t.Context(), "e", time.Minute, batchOf("a")); codeOf(err) != detectors.CodeInternal {
		t.Errorf("unknown detector asked: %v", err)
	}
}

func TestSmallBatchesShareAStream(t *testing.T) {
	c := connect(t, echo)
	var callers sync.WaitGroup
	for i := range 32 {
		callers.Go(func() {
			for k := range 20 {
				want := fmt.Sprintf("%d/%d", i, k)
				a, err := c.Detect(t.Context(), "d", time.Minute, batchOf(want))
				if err != nil || a.Outcomes[0].Detail != want {
					t.Errorf("asked about %s, got %+v, %v", want, a, err)
				}
			}
		})
	}
	callers.Wait()
	if c.stream.open == nil || c.stream.unsupported {
		t.Error("no stream was opened")
	}
}

func TestDeadlineReachesDetector(t *testing.T) {
	for _, events := range []int{1, maxStreamedEvents + 1} {
		c := connect(t, func(ctx context.Context, _ *detectors.Batch) (detectors.Answer, error) {
			<-ctx.Done()
			return detectors.Answer{}, ctx.Err()
		})
		_, err := c.Detect(t.Context(), "d", 200*time.Millisecond, batchOf(make([]string, events)...))
		if codeOf(err) != detectors.CodeDeadline || Overrun(err) {
			t.Errorf("%d events: got %v, want the detector's own word that time is over", events, err)
		}
	}
}

func TestOverrun(t *testing.T) {
	for _, events := range []int{1, maxStreamedEvents + 1} {
		t.Run(fmt.Sprint(events), func(t *testing.T) {
			release := make(chan struct{})
			c := connect(t, func(ctx context.Context, b *detectors.Batch) (detectors.Answer, error) {
				<-release
				return clean(ctx, b)
			})
			_, err := c.Detect(t.Context(), "d", 20*time.Millisecond, batchOf(make([]string, events)...))
			close(release)
			if codeOf(err) != detectors.CodeDeadline || !Overrun(err) {
				t.Errorf("got %v, want an overrun", err)
			}
		})
	}
}

// foreign is a plugin without stream and with odd answers, such as another language may bring.
type foreign struct {
	pb.UnimplementedDetectorServiceServer
	response *pb.DetectResponse
}

func (f foreign) Detect(context.Context, *pb.DetectRequest) (*pb.DetectResponse, error) {
	return f.response, nil
}

func TestForeignAnswers(t *testing.T) {
	tests := []struct {
		name     string
		response *pb.DetectResponse
		want     detectors.Code
	}{
		{"nothing", &pb.DetectResponse{}, detectors.CodeBadAnswer},
		{"too few", &pb.DetectResponse{Result: &pb.DetectResponse_Answer{Answer: &pb.Answer{}}}, detectors.CodeBadAnswer},
		{"error", &pb.DetectResponse{Result: &pb.DetectResponse_Error{Error: &pb.Error{Code: 99}}}, detectors.CodeInternal},
		{"fine", &pb.DetectResponse{Result: &pb.DetectResponse_Answer{Answer: &pb.Answer{Outcomes: []*pb.Outcome{{Status: pb.Status_STATUS_CLEAN}}}}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, foreign{response: tt.response})
			if _, err := c.Detect(t.Context(), "d", time.Minute, batchOf("a")); codeOf(err) != tt.want || (err != nil) != (tt.want != "") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if !c.stream.unsupported {
				t.Error("the missing stream was not noticed")
			}
		})
	}
}
