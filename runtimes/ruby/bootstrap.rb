# frozen_string_literal: true

# Loads a Ruby handler and runs it once for each frame on an inherited socket. Frames: see crates/sandbox/src/frame.rs.
#
# Names that are not in the module Rushlight are those by which functions know AWS's runtime.

require 'json'
require 'logger'
require 'stringio'

module Rushlight
  INIT = 1
  INVOKE = 2
  READY = 16
  INIT_FAULT = 17
  RESULT = 18
  FAULT = 19
  LOG = 20
  TOO_LARGE = 21
  FATAL = 22
  STARTED = 25
  LOG_BYTES_MAX = 256 * 1024
  # Instead of a count of variables: the process has them already.
  KEEP = 0xFFFFFFFF

  # Fields of a frame, one after the other.
  class Fields
    def initialize(bytes)
      @bytes = bytes
      @at = 1
    end

    def u32
      @at += 4
      @bytes.unpack1('L<', offset: @at - 4)
    rescue ArgumentError # before Ruby 3.1 it knows no offset
      @bytes.byteslice(@at - 4, 4).unpack1('L<')
    end

    def u64
      low = u32
      low + (u32 << 32)
    end

    def text
      length = u32
      @at += length
      @bytes.byteslice(@at - length, length).force_encoding(Encoding::UTF_8)
    end

    def rest
      @bytes.byteslice(@at..).force_encoding(Encoding::UTF_8)
    end
  end

  # Frames on the socket.
  class Wire
    def initialize(descriptor)
      @in = IO.for_fd(descriptor, 'rb')
      @in.close_on_exec = true
      @out = IO.for_fd(descriptor, 'wb', autoclose: false)
      @out.sync = true
      @lock = Mutex.new
      @rss = 0
    end

    # The next frame; its first byte is the kind.
    def read
      head = @in.read(4)
      exit!(0) if head.nil? || head.bytesize < 4 # the server has gone
      frame = @in.read(head.unpack1('L<'))
      exit!(0) if frame.nil?
      frame
    end

    def send(kind, head, body)
      body = body.b
      frame = [1 + head.bytesize + body.bytesize, kind].pack('L<C') << head << body
      @lock.synchronize { @out.write(frame) }
    rescue Errno::EPIPE
      exit!(0)
    end

    # A frame that begins with the process's largest size.
    def answer(kind, body = '')
      send(kind, [max_rss].pack('L<'), body)
    end

    def ready(micros)
      send(READY, [max_rss, micros].pack('L<Q<'), '')
    end

    def log(text)
      text = text.to_s.b
      text = text.byteslice(0, text.bytesize - 1) if text.end_with?("\n")
      send(LOG, [(Time.now.to_f * 1000).to_i].pack('Q<'), text.byteslice(0, LOG_BYTES_MAX))
    end

    private

    # Asking the kernel takes longer than a short handler does.
    def max_rss
      now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      if @rss.zero? || now - @rss_at > 0.05
        @rss_at = now
        @rss = File.read('/proc/self/status')[/VmHWM:\s*(\d+)/, 1].to_i
      end
      @rss
    rescue SystemCallError
      0
    end
  end

  class << self
    attr_accessor :wire, :settings
  end

  # Where loggers write that write to the standard output: one event a message.
  class Sink
    def write(message)
      Rushlight.wire.log(message)
    end

    def close; end

    def reopen(*) = self
  end

  # What a handler raised, in AWS's words.
  class Fault
    def initialize(error, classification)
      @body = {
        errorMessage: error.message,
        errorType: "#{classification}<#{error.class}>",
        stackTrace: stack(error)
      }
    end

    def json
      JSON.generate(@body)
    rescue JSON::GeneratorError
      JSON.generate(@body.merge(errorMessage: @body[:errorMessage].to_s.dup.force_encoding('UTF-8').scrub))
    end

    def log(message)
      Rushlight.wire.log(message)
      Rushlight.wire.log(JSON.pretty_generate(JSON.parse(json)))
    end

    private

    # The function's part: up to where this file begins.
    def stack(error)
      lines = (error.backtrace_locations || []).first(100).map(&:to_s)
      lines = (error.backtrace || []).first(100) if lines.empty?
      lines.take_while { |line| !line.start_with?(__FILE__, '<internal:') || line.start_with?('<internal:kernel>') }
    end
  end

  # The request as AWS's marshaller gets it.
  RawRequest = Struct.new(:body) do
    def [](name)
      name == 'Content-Type' ? 'application/json' : nil
    end
  end
end

# What functions may replace to convert events and answers in their own way.
module AwsLambda
  class Marshaller
    class << self
      def marshall_request(raw_request)
        if raw_request['Content-Type'] == 'application/json'
          JSON.parse(raw_request.body)
        else
          raw_request.body
        end
      end

      # A StringIO or IO is an answer that is no JSON.
      def marshall_response(method_response)
        case method_response
        when StringIO, IO then [method_response, 'application/unknown']
        else method_response.to_json
        end
      end
    end
  end
end

# What a handler learns of its invocation.
class LambdaContext
  attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
              :memory_limit_in_mb, :function_version, :identity, :client_context, :deadline_ms

  def initialize(head, settings)
    @deadline_ms = head[:deadline]
    @aws_request_id = head[:request_id]
    @invoked_function_arn = head[:arn]
    @log_group_name = settings[:log_group]
    @log_stream_name = settings[:log_stream]
    @function_name = settings[:name]
    @memory_limit_in_mb = settings[:memory]
    @function_version = settings[:version]
    @client_context = JSON.parse(head[:client_context]) unless head[:client_context].empty?
  end

  def get_remaining_time_in_millis
    remaining = @deadline_ms - (Time.now.to_f * 1000).to_i
    remaining.positive? ? remaining : 0
  end
end

# Finds and calls the function's method; methods at the top of a file are this class's too.
class LambdaHandler
  attr_reader :handler_file_name, :handler_method_name

  def initialize(env_handler:)
    handler_split = env_handler.split('.')
    case handler_split.size
    when 2 then @handler_file_name, @handler_method_name = handler_split
    when 3 then @handler_file_name, @handler_class, @handler_method_name = handler_split
    else
      raise ArgumentError, "Invalid handler #{handler_split}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where " \
                           'FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional module/class ' \
                           'namespace and METHOD is a callable method. If using CLASS, METHOD must be a class-level method.'
    end
  end

  def call_handler(request:, context:)
    opts = { event: request, context: context }
    response = if @handler_class
                 Kernel.const_get(@handler_class).send(@handler_method_name, **opts)
               else
                 __send__(@handler_method_name, **opts)
               end
    AwsLambda::Marshaller.marshall_response(response)
  end
end

# Lines of `Logger.new($stdout)`, with the request id.
class LogFormatter < Logger::Formatter
  FORMAT = '%<sev>s, [%<datetime>s #%<process>d] %<severity>5s %<request_id>s -- %<progname>s: %<msg>s'

  def call(severity, time, progname, msg)
    line = format(FORMAT, sev: severity[0..0], datetime: format_datetime(time), process: Process.pid, severity: severity,
                          request_id: $_global_aws_request_id, progname: progname, msg: msg2str(msg))
    "#{line.encode('UTF-8', invalid: :replace, undef: :replace, replace: '�')}\n"
  end
end

# The same where the function's log format is JSON.
class JsonLogFormatter < Logger::Formatter
  def call(severity, time, progname, msg)
    error = msg.is_a?(Exception)
    line = { timestamp: time.utc.strftime('%Y-%m-%dT%H:%M:%S.%6NZ'), level: severity,
             message: (error ? msg.message : msg2str(msg)).to_s.scrub, requestId: $_global_aws_request_id }
    line[:logger] = progname.to_s unless progname.to_s.empty?
    line.update(errorType: msg.class.to_s, errorMessage: msg.message.to_s.scrub, stackTrace: Array(msg.backtrace)) if error
    "#{JSON.generate(line.compact)}\n"
  end
end

module LoggerPatch
  def initialize(logdev = nil, *rest, **options)
    ours = logdev.nil? || logdev == $stdout || logdev == $stderr
    super(ours ? Rushlight::Sink.new : logdev, *rest, **options)
    @default_formatter = ENV['AWS_LAMBDA_LOG_FORMAT'] == 'JSON' ? JsonLogFormatter.new : LogFormatter.new if ours
  end
end
Logger.prepend(LoggerPatch)

# As on AWS: what is put at once is one event of the log.
module Kernel
  def puts(*arg)
    Rushlight.wire.log(arg.flatten.map { |a| a.to_s.encode('UTF-8') }.join("\n"))
    nil
  end
end

module Rushlight
  class << self
    def run(descriptor)
      $stdout.sync = $stderr.sync = true
      self.wire = Wire.new(descriptor)
      warm_up if ENV['RUSHLIGHT_WARM']
      wire.send(STARTED, '', '')
      frame = wire.read
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)
      exit!(70) unless frame.getbyte(0) == INIT
      apply_init(Fields.new(frame))
      handler = load_handler
      wire.ready(Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond) - began)
      loop do
        frame = wire.read
        exit!(70) unless frame.getbyte(0) == INVOKE
        invoke(handler, Fields.new(frame))
      end
    end

    private

    # Only in a process of the pool, where nobody waits for it: what most functions need.
    def warm_up
      %w[time date set securerandom digest base64 net/http openssl uri].each do |name|
        require name
      rescue LoadError
        nil
      end
      JSON.generate(JSON.parse('{"warm":[1,2.5,null,true]}'))
    end

    def apply_init(fields)
      self.settings = %i[root handler runtime name version memory log_group log_stream].map { |name| [name, fields.text] }.to_h
      settings[:response_max] = fields.u32
      count = fields.u32
      ENV.replace(Array.new(count) { [fields.text, fields.text] }.to_h) unless count == KEEP
      Dir.chdir(settings[:root])
      Gem.clear_paths if defined?(Gem)
      # The interpreter has read it already, when there was nothing in it.
      ENV.fetch('RUBYLIB', '').split(':').reverse_each { |folder| $LOAD_PATH.unshift(folder) unless $LOAD_PATH.include?(folder) }
      $LOAD_PATH.unshift(settings[:root]) unless $LOAD_PATH.first == settings[:root]
    end

    def load_handler
      handler = LambdaHandler.new(env_handler: settings[:handler])
      require handler.handler_file_name
      handler
    rescue Exception => e # rubocop:disable Lint/RescueException -- whatever it is, the function cannot be loaded
      fault = Fault.new(e, 'Init')
      fault.log('Init error when loading handler ')
      wire.answer(INIT_FAULT, fault.json)
      exit!(252)
    end

    def invoke(handler, fields)
      head = { deadline: fields.u64, request_id: fields.text, arn: fields.text, trace: fields.text, client_context: fields.text }
      $_global_aws_request_id = head[:request_id]
      ENV['_X_AMZN_TRACE_ID'] = head[:trace]
      own = Process.pid
      begin
        request = AwsLambda::Marshaller.marshall_request(RawRequest.new(fields.rest))
        answer(handler.call_handler(request: request, context: LambdaContext.new(head, settings)))
      rescue NameError => e # NoMethodError too
        fail_with(e, own, ends: true)
      rescue StandardError => e
        fail_with(e, own, ends: false)
      rescue Exception => e # rubocop:disable Lint/RescueException -- exit among them
        fail_with(e, own, ends: true)
      end
      $_global_aws_request_id = nil
    end

    def answer((body, _content_type))
      body = body.read if body.respond_to?(:read)
      body = body.to_s
      return wire.answer(TOO_LARGE) if body.bytesize > settings[:response_max]

      wire.answer(RESULT, body)
    end

    def fail_with(error, own, ends:)
      exit!(1) unless Process.pid == own # a child that the handler forked
      fault = Fault.new(error, 'Function')
      fault.log(ends ? 'Critical exception from handler' : 'Error raised from handler method')
      wire.answer(ends ? FATAL : FAULT, fault.json)
      exit!(255) if ends
    end
  end
end

Rushlight.run(Integer(ARGV.shift))
