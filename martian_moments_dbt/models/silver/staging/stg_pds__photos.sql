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
        'sequence': 'SEQUENCE_ID',
        'height': 'LINES',
        'width': 'LINE_SAMPLES',
        'first_line': 'FIRST_LINE',
        'first_sample': 'FIRST_LINE_SAMPLE',
        'averaged_lines': 'PIXEL_AVERAGING_HEIGHT',
        'averaged_samples': 'PIXEL_AVERAGING_WIDTH',
        'azimuth': 'SITE_INSTRUMENT_AZIMUTH',
        'elevation': 'SITE_INSTRUMENT_ELEVATION',
        'azimuth_fov': 'AZIMUTH_FOV',
        'elevation_fov': 'ELEVATION_FOV',
    },
) }},

measured as (
    select
        *,
        coalesce(
            '{{ archive_url() }}/data/mer/' || rover
            || replace('/' || regexp_replace(path_name, '^/', ''), '/data/', '/browse/')
            || file_name || '.jpg',
            {{ archived_url("'mer'", 'rover', 'product_id', to_integer('planet_day_number')) }}
        ) as image_url,
        {{ bounded(to_double('azimuth'), -360, 360) }} as azimuth_deg,
        {{ bounded(to_double('elevation'), -90, 90) }} as elevation_deg,
        {{ to_integer('width', lowest=1, highest=100000) }} as width_px,
        {{ to_integer('height', lowest=1, highest=100000) }} as height_px,
        -- What a thumbnail was made smaller by is not in the table.
        case
            when image_type = 'REGULAR' and averaged_lines = averaged_samples
                then {{ to_integer('averaged_lines', lowest=1, highest=1024) }}
        end as scale_factor
    from records
),

renamed as (
    select
        {{ document_columns() | join(',\n        ') }},
        position,
        {{ identity('product_id') }} as source_id,
        {{ to_sol('planet_day_number') }} as sol,
        {{ known_text('instrument_id') }} as camera,
        cast(null as varchar) as camera_full_name,
        image_url,
        cast(null as date) as earth_date,
        try_cast(start_time as timestamptz) as taken_at_utc,
        try_cast(received as timestamptz) as received_at_utc,
        cast(null as varchar) as lmst,
        {{ known('clock', to_double('clock')) }} as spacecraft_clock,
        {{ to_integer(matched('motion_counter', '^."([0-9]+)"')) }} as site,
        {{ to_integer(matched('motion_counter', '^."[0-9]+","([0-9]+)"')) }} as drive,
        {{ product_type("'mer'", 'product_id') }} as product_type,
        case image_type when 'THUMBNAIL' then true when 'REGULAR' then false end as is_thumbnail,
        upper({{ known_text('sequence') }}) as sequence_id,
        width_px,
        height_px,
        scale_factor,
        {{ first_pixel(to_integer('first_sample', lowest=1), 'scale_factor') }} as subframe_x,
        {{ first_pixel(to_integer('first_line', lowest=1), 'scale_factor') }} as subframe_y,
        width_px * scale_factor as subframe_width,
        height_px * scale_factor as subframe_height,
        case when elevation_deg is not null then {{ circled('azimuth_deg') }} end as view_azimuth_deg,
        case when azimuth_deg is not null then round(elevation_deg, 4) end as view_elevation_deg,
        round({{ bounded(to_double('azimuth_fov'), 0, 360) }}, 4) as fov_h_deg,
        round({{ bounded(to_double('elevation_fov'), 0, 180) }}, 4) as fov_v_deg,
        case when azimuth_deg is not null and elevation_deg is not null then 'index' end as view_method,
        cast(null as double) as camera_x_m,
        cast(null as double) as camera_y_m,
        cast(null as double) as camera_z_m,
        cast(null as varchar) as caption,
        cast(null as varchar) as credit,
        cast(null as varchar) as image_url_small,
        {{ archived_file('image_url') }} as image_url_full
    from measured
)

select * from renamed
