{#
    A product's address follows from its line: the folder data of its volume has a twin browse with a picture of each product.
    The volume of the descent camera has neither PATH_NAME nor FILE_NAME nor ROVER_MOTION_COUNTER: the name of the product has what
    they would state.
    START_TIME is true UTC. The motion counter is SITE, DRIVE, IDD, PMA, HGA.
#}
with {{ photo_records_of(
    'pds',
    'lines',
    fields={
        'product_id': 'PRODUCT_ID',
        'planet_day_number': 'PLANET_DAY_NUMBER',
        'instrument_id': 'INSTRUMENT_ID',
        'image_type': 'IMAGE_TYPE',
        'path_name': 'PATH_NAME',
        'file_name': 'FILE_NAME',
        'start_time': 'START_TIME',
        'received': 'EARTH_RECEIVED_START_TIME',
        'clock': 'SPACECRAFT_CLOCK_START_COUNT',
        'motion_counter': 'ROVER_MOTION_COUNTER',
    },
) }},

renamed as (
    select
        {{ document_columns() | join(',\n        ') }},
        position,
        {{ identity('product_id') }} as source_id,
        {{ to_sol('planet_day_number') }} as sol,
        {{ known_text('instrument_id') }} as camera,
        cast(null as varchar) as camera_full_name,
        coalesce(
            '{{ var('archive_url') }}/data/mer/' || rover
            || replace('/' || regexp_replace(path_name, '^/', ''), '/data/', '/browse/')
            || file_name || '.jpg',
            {{ archived_url("'mer'", 'rover', 'product_id', to_integer('planet_day_number')) }}
        ) as image_url,
        cast(null as date) as earth_date,
        try_cast(start_time as timestamptz) as taken_at_utc,
        try_cast(received as timestamptz) as received_at_utc,
        cast(null as varchar) as lmst,
        {{ known('clock', to_double('clock')) }} as spacecraft_clock,
        {{ to_integer(matched('motion_counter', '^."([0-9]+)"')) }} as site,
        {{ to_integer(matched('motion_counter', '^."[0-9]+","([0-9]+)"')) }} as drive,
        {{ product_type("'mer'", 'product_id') }} as product_type,
        case image_type when 'THUMBNAIL' then true when 'REGULAR' then false end as is_thumbnail
    from records
)

select * from renamed
