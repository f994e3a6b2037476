package protocol

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/aad6b6dc/taster/detectors"
	pb "github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
)

// Server is the plugin's end of the line: it makes detectors out of specs and asks them.
type Server struct {
	pb.UnimplementedDetectorServiceServer
	specs []detectors.Spec

	mu      sync.RWMutex
	running map[string]detectors.Detector
}

// NewServer returns a server for specs, which must be valid.
func NewServer(specs ...detectors.Spec) *Server {
	return &Server{specs: specs, running: map[string]detectors.Detector{}}
}

// Describe lists the specs.
func (s *Server) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	r := &pb.DescribeResponse{}
	for i := range s.specs {
		r.Specs = append(r.Specs, specToProto(&s.specs[i]))
	}
	return r, nil
}

// Configure makes a detector.
func (s *Server) Configure(ctx context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	if err := s.configure(ctx, r.GetDetector(), r.GetConfigJson()); err != nil {
		return &pb.ConfigureResponse{Error: errorToProto(err)}, nil
	}
	return &pb.ConfigureResponse{}, nil
}

func (s *Server) configure(ctx context.Context, name string, cfg detectors.Config) error {
	for i := range s.specs {
		if s.specs[i].Name != name {
			continue
		}
		d, err := Make(ctx, &s.specs[i], cfg)
		if err != nil {
			return err
		}
		return s.add(name, d)
	}
	return fmt.Errorf("no detector has the name %q", name)
}

func (s *Server) add(name string, d detectors.Detector) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.running[name]; twice {
		return fmt.Errorf("detector %q is already configured", name)
	}
	s.running[name] = d
	return nil
}

// Detect asks one detector.
func (s *Server) Detect(ctx context.Context, r *pb.DetectRequest) (*pb.DetectResponse, error) {
	answer, err := s.detect(ctx, r)
	if err != nil {
		return failed(err), nil
	}
	response := &pb.DetectResponse{Result: &pb.DetectResponse_Answer{Answer: answerToProto(&answer)}}
	if n := proto.Size(response); n > MaxAnswerBytes {
		// Said here, because gRPC's own refusal would end the stream and with it the calls of others.
		return failed(&detectors.Error{Code: detectors.CodeTooLarge, Message: fmt.Sprintf("an answer of %d bytes, the limit is %d", n, MaxAnswerBytes)}), nil
	}
	return response, nil
}

func failed(err error) *pb.DetectResponse {
	return &pb.DetectResponse{Result: &pb.DetectResponse_Error{Error: errorToProto(err)}}
}

func (s *Server) detect(ctx context.Context, r *pb.DetectRequest) (detectors.Answer, error) {
	s.mu.RLock()
	d, ok := s.running[r.GetDetector()]
	s.mu.RUnlock()
	if !ok {
		return detectors.Answer{}, fmt.Errorf("detector %q is not configured", r.GetDetector())
	}
	batch, err := batchFromProto(r)
	if err != nil {
		return detectors.Answer{}, err
	}
	if us := r.GetTimeoutUs(); us > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, microseconds(us))
		defer cancel()
	}
	return Call(ctx, d, batch)
}

// maxStreamed bounds how many requests of one stream are worked on at once; the next one waits in the line.
const maxStreamed = 64

// DetectStream answers requests side by side, in the order in which they are ready.
func (s *Server) DetectStream(stream pb.DetectorService_DetectStreamServer) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	var (
		workers sync.WaitGroup
		sending sync.Mutex
		slots   = make(chan struct{}, maxStreamed)
	)
	defer workers.Wait()
	for {
		r, err := stream.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		slots <- struct{}{}
		workers.Go(func() {
			defer func() { <-slots }()
			response, _ := s.Detect(ctx, r.GetRequest()) // trouble is in the response
			sending.Lock()
			defer sending.Unlock()
			if stream.Send(&pb.DetectStreamResponse{Id: r.GetId(), Response: response}) != nil {
				cancel() // the peer is gone, and Recv says so too
			}
		})
	}
}

// Make calls the spec's New, turning a panic into an error.
func Make(ctx context.Context, spec *detectors.Spec, cfg detectors.Config) (d detectors.Detector, err error) {
	defer recovered(&err)
	d, err = spec.New(ctx, cfg)
	if err == nil && d == nil {
		err = fmt.Errorf("making detector %q: New returned neither a detector nor an error", spec.Name)
	}
	return d, err
}

// Call calls Detect, turning a panic into an error of the batch: [detectors.CodeInternal] with the panic's text. The
// stack goes to standard error.
func Call(ctx context.Context, d detectors.Detector, batch *detectors.Batch) (a detectors.Answer, err error) {
	defer recovered(&err)
	return d.Detect(ctx, batch)
}

func recovered(err *error) {
	if p := recover(); p != nil {
		fmt.Fprintf(os.Stderr, "panic: %v\n%s", p, debug.Stack())
		*err = &detectors.Error{Code: detectors.CodeInternal, Message: fmt.Sprintf("panic: %v", p)}
	}
}
