package protocol

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/aad6b6dc/taster/detectors/internal/protocol/detectorv1"
)

// A batch within these limits goes over the stream, where a larger one would hold up those behind it.
const (
	maxStreamedEvents = 8
	maxStreamedBytes  = 64 << 10
)

// stream carries many small calls of Detect at once. It is opened by the first one, and by the next one after it broke.
type stream struct {
	rpc pb.DetectorServiceClient

	mu          sync.Mutex // of what follows
	open        *openStream
	unsupported bool // the plugin offers none
}

// openStream is one stream from opening to breaking.
type openStream struct {
	pb.DetectorService_DetectStreamClient
	end context.CancelFunc
	out chan *grpc.PreparedMsg // to transmit

	mu      sync.Mutex // of what follows
	waiting map[uint64]chan<- *pb.DetectResponse
	lastID  uint64
	err     error // set once it is broken

	broken chan struct{}
}

// errUseUnary asks for a unary call instead: there is no stream, or one broke for a reason that may be another call's.
var errUseUnary = errors.New("no stream to ask over")

// detect sends a request and waits for its answer; the error is gRPC's, or errUseUnary.
func (s *stream) detect(ctx context.Context, r *pb.DetectRequest) (*pb.DetectResponse, error) {
	o, err := s.get(ctx)
	if err != nil {
		return nil, err
	}
	id, answer, err := o.expect()
	if err != nil {
		return nil, s.failure(err)
	}
	defer o.forget(id)
	// Encoded here and not by transmit: the request holds the caller's batch, which is not ours after we return.
	message := &grpc.PreparedMsg{}
	if err := message.Encode(o, &pb.DetectStreamRequest{Id: id, Request: r}); err != nil {
		return nil, err
	}
	select {
	case o.out <- message:
	case <-o.broken:
		return nil, s.failure(o.err)
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	select {
	case response := <-answer:
		return response, nil
	case <-o.broken:
		return nil, s.failure(o.err)
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// get returns the open stream or opens one.
func (s *stream) get(ctx context.Context) (*openStream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsupported {
		return nil, errUseUnary
	}
	if s.open != nil {
		select {
		case <-s.open.broken:
		default:
			return s.open, nil
		}
	}
	o, err := openFor(ctx, s.rpc)
	if err != nil {
		return nil, err
	}
	s.open = o
	return o, nil
}

// openFor opens a stream that ends with the connection; ctx limits the opening only.
func openFor(ctx context.Context, rpc pb.DetectorServiceClient) (*openStream, error) {
	life, end := context.WithCancel(context.Background())
	opened := context.AfterFunc(ctx, end)
	client, err := rpc.DetectStream(life)
	if !opened() && err == nil {
		err = status.FromContextError(ctx.Err()).Err()
	}
	if err != nil {
		end()
		return nil, err
	}
	o := &openStream{
		DetectorService_DetectStreamClient: client, end: end, out: make(chan *grpc.PreparedMsg),
		waiting: map[uint64]chan<- *pb.DetectResponse{}, broken: make(chan struct{}),
	}
	go o.receive()
	go o.transmit()
	return o, nil
}

// failure passes on that the process is gone. Whatever else broke the stream, a unary call tells whose fault it is.
func (s *stream) failure(err error) error {
	switch status.Code(err) {
	case codes.Unavailable, codes.Canceled:
		return err
	case codes.Unimplemented:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.unsupported = true
	}
	return errUseUnary
}

func (o *openStream) expect() (uint64, <-chan *pb.DetectResponse, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, nil, o.err
	}
	o.lastID++
	answer := make(chan *pb.DetectResponse, 1)
	o.waiting[o.lastID] = answer
	return o.lastID, answer, nil
}

func (o *openStream) forget(id uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.waiting, id)
}

// transmit sends until the stream breaks. It is a goroutine of its own because sending waits for a reader, however long.
func (o *openStream) transmit() {
	for {
		select {
		case m := <-o.out:
			_ = o.SendMsg(m) // trouble is for Recv to report
		case <-o.broken:
			return
		}
	}
}

// receive hands answers out until the stream breaks. An answer that nobody waits for is dropped: its caller has given up.
func (o *openStream) receive() {
	for {
		r, err := o.Recv()
		o.mu.Lock()
		if err != nil {
			o.err = err
			o.mu.Unlock()
			close(o.broken)
			o.end()
			return
		}
		answer := o.waiting[r.GetId()]
		delete(o.waiting, r.GetId())
		o.mu.Unlock()
		if answer != nil {
			answer <- r.GetResponse()
		}
	}
}
