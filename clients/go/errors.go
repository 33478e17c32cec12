package mulligan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const domain = "mulligan"

// Error is what a call failed with, whatever went wrong on the way or in the service.
type Error struct {
	// What it is exactly: the service's stable code (google.rpc.ErrorInfo.reason), or the name of
	// the gRPC status where no service of Mulligan has spoken.
	Code   string
	Status codes.Code
	// What happened, to which object, and what can be done.
	Message    string
	Field      string
	ObjectType string
	ObjectID   string
	RequestID  string
	// After which the service asks to be called again; 0 where it didn't say.
	RetryAfter time.Duration
	// Whatever else the service told programs.
	Details map[string]string
	cause   error
	// It is of iam, which did not renew a token.
	ofRenewal bool
	// It is of the client, which had nowhere to send it to.
	unsent bool
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives what gRPC said, or why the context was done.
func (e *Error) Unwrap() error { return e.cause }

// HasCode tells whether an error is Mulligan's, with this stable code.
func HasCode(err error, code string) bool {
	var failed *Error
	return errors.As(err, &failed) && failed.Code == code
}

// translate reads a gRPC error with its google.rpc.Status details.
func translate(err error, address, path, requestID string) *Error {
	said := status.Convert(err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		said = status.FromContextError(err)
	}
	failed := &Error{
		Code: codeName(said.Code()), Status: said.Code(), Message: said.Message(), RequestID: requestID, cause: err,
	}
	spoke := false
	for _, detail := range said.Details() {
		switch told := detail.(type) {
		case *errdetails.ErrorInfo:
			if told.Domain == domain {
				spoke = true
				failed.Code, failed.Details = told.Reason, told.Metadata
				failed.Field = told.Metadata["field"]
				failed.ObjectType = told.Metadata["object_type"]
				failed.ObjectID = told.Metadata["object_id"]
			}
		case *errdetails.BadRequest:
			if len(told.FieldViolations) > 0 {
				failed.Field = told.FieldViolations[0].Field
			}
		case *errdetails.ResourceInfo:
			failed.ObjectType, failed.ObjectID = told.ResourceType, told.ResourceName
		case *errdetails.RetryInfo:
			failed.RetryAfter = told.RetryDelay.AsDuration()
		case *errdetails.RequestInfo:
			failed.RequestID = told.RequestId
		}
	}
	if !spoke {
		failed.Message = inWords(said, address, path)
	}
	return failed
}

func inWords(said *status.Status, address, path string) string {
	switch said.Code() {
	case codes.Unavailable:
		return fmt.Sprintf("%s does not answer (%s); look whether a server runs there, and whether with TLS", address, said.Message())
	case codes.DeadlineExceeded:
		return fmt.Sprintf("%s did not answer %s in time; whether it was done is not known", address, path)
	case codes.Unimplemented:
		return fmt.Sprintf("the server at %s does not know %s: it is older than this client", address, path)
	}
	return fmt.Sprintf("%s failed at %s: %s", path, address, said.Message())
}

// codeName writes a status as gRPC does: NOT_FOUND, and CANCELLED with two L.
func codeName(code codes.Code) string {
	if code == codes.Canceled {
		return "CANCELLED"
	}
	name := []rune{}
	for place, letter := range code.String() {
		if place > 0 && 'A' <= letter && letter <= 'Z' && code != codes.OK {
			name = append(name, '_')
		}
		if 'a' <= letter && letter <= 'z' {
			letter -= 'a' - 'A'
		}
		name = append(name, letter)
	}
	return string(name)
}
